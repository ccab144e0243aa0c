from django.urls import URLPattern, URLResolver, include, path

from qunli.files import views

own: list[URLPattern | URLResolver] = [path("<uuid:key>/", views.serve, name="serve")]

urlpatterns: list[URLPattern | URLResolver] = [path("files/", include((own, "files")))]
