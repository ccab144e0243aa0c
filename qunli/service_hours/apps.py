from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ServiceHoursConfig(AppConfig):
    name = "qunli.service_hours"
    label = "service_hours"
    verbose_name = _("服务时长")
