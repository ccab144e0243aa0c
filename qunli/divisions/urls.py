from django.urls import path

from qunli.divisions import views

app_name = "divisions"
urlpatterns = [
    path("divisions/", views.browse, name="browse"),
    path("divisions/areas.geojson", views.areas, name="areas"),
    path("divisions/children", views.children, name="children"),
    path("divisions/changes/", views.changes, name="changes"),
    path("divisions/changes/new", views.change, name="change"),
    path("divisions/<slug:code>", views.detail, name="detail"),
]
