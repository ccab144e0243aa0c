from django.urls import URLPattern, URLResolver, include, path

from qunli.notices import views

own: list[URLPattern | URLResolver] = [
    path("", views.inbox, name="list"),
    path("read/", views.mark_read, name="mark_read"),
    path("<int:notice_id>/", views.open_notice, name="open"),
    path("preferences/", views.preferences, name="preferences"),
    path("calendar/", views.calendar, name="calendar"),
    path("calendar/<str:key>.ics", views.feed, name="feed"),
]

urlpatterns: list[URLPattern | URLResolver] = [path("notices/", include((own, "notices")))]
