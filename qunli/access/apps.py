from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    name = "qunli.access"
    label = "access"
    verbose_name = _("权限")

    def ready(self) -> None:
        from qunli.access.checks import check_roles
        from qunli.access.selectors import offices
        from qunli.access.services import check_merge, end_with_person
        from qunli.people.services import describe_by, on_erase, on_merge

        register(check_roles)
        on_erase(end_with_person)
        on_merge(check_merge)
        describe_by(offices)
