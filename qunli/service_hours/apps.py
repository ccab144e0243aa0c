from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ServiceHoursConfig(AppConfig):
    name = "qunli.service_hours"
    label = "service_hours"
    verbose_name = _("服务时长")

    def ready(self) -> None:
        from qunli.files.perms import viewers_of
        from qunli.service_hours.attesting import may_see_photo
        from qunli.service_hours.selectors import minutes_of_activity
        from qunli.volunteering.services import on_hours

        on_hours(minutes_of_activity)
        viewers_of("record")(may_see_photo)
