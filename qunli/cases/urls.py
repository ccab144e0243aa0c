from django.urls import path, re_path

from qunli.cases import views

app_name = "cases"

urlpatterns = [
    path("cases/", views.queue, name="queue"),
    re_path(r"^cases/(?P<which>dispatch|offered|work|survey|overdue|all)/$", views.queue, name="queue_of"),
    path("cases/mine/", views.mine, name="mine"),
    path("cases/rates/", views.rates, name="rates"),
    re_path(r"^cases/(?P<number>\d{15})/$", views.case, name="case"),
    re_path(r"^cases/(?P<number>\d{15})/(?P<verb>[a-z-]{1,20})/$", views.act, name="act"),
]
