from django.urls import path

from qunli.people import views
from qunli.people.views import merging

app_name = "people"
urlpatterns = [
    path("people/", views.search, name="search"),
    path("people/new", views.register, name="register"),
    path("people/me", views.me, name="me"),
    path("people/duplicates/", merging.duplicates, name="duplicates"),
    path("people/duplicates/<int:duplicate_id>", merging.decide, name="decide"),
    path("people/merges/<int:merge_id>/undo", merging.undo, name="undo"),
    path("people/<int:person_id>", views.person, name="person"),
    path("people/<int:person_id>/unmask", views.unmask, name="unmask"),
    path("people/<int:person_id>/contact", views.contact, name="contact"),
    path("people/<int:person_id>/consent", views.consent, name="consent"),
    path("people/<int:person_id>/guardian", views.guardian, name="guardian"),
    path("people/<int:person_id>/guardian/<int:guardianship_id>/end", views.end_guardian, name="end_guardian"),
    path("people/<int:person_id>/own-income", views.own_income, name="own_income"),
    path("people/<int:person_id>/export", views.export, name="export"),
    path("people/<int:person_id>/erase", views.erase, name="erase"),
    path("people/<int:person_id>/merge/<int:other_id>", merging.merge, name="merge"),
]
