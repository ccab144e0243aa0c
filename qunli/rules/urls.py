from django.urls import path

from qunli.rules import views

app_name = "rules"
urlpatterns = [
    path("rules/", views.listing, name="list"),
    path("rules/decisions/<int:decision_id>", views.decision, name="decision"),
    path("rules/<slug:rules_key>/", views.detail, name="detail"),
    path("rules/<slug:rules_key>/compare", views.compare, name="compare"),
    path("rules/<slug:rules_key>/try", views.trying, name="try"),
]
