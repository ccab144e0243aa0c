from django.urls import path

from qunli.web import views

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("menu", views.menu, name="menu"),
    path("search", views.search, name="search"),
    path("division-choices", views.division_choices, name="division_choices"),
    path("preferences", views.preferences, name="preferences"),
    path("sw.js", views.worker, name="worker"),
    path("about", views.about, name="about"),
    path("privacy", views.privacy, name="privacy"),
    path("gallery", views.gallery, name="gallery"),
]
