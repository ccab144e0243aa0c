from django.urls import URLPattern, URLResolver, include, path

from qunli.access import views

own: list[URLPattern | URLResolver] = [
    path("", views.postings, name="postings"),
    path("grant/", views.grant, name="grant"),
    path("<int:posting_id>/end/", views.end, name="end"),
    path("roles/", views.roles, name="roles"),
]

urlpatterns: list[URLPattern | URLResolver] = [path("access/", include((own, "access")))]
