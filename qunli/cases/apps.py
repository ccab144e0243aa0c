from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CasesConfig(AppConfig):
    name = "qunli.cases"
    label = "cases"
    verbose_name = _("诉求工单")

    def ready(self) -> None:
        from qunli.cases.selectors import may_see_files
        from qunli.cases.services import end_with_person
        from qunli.files.perms import viewers_of
        from qunli.people.services import on_erase

        viewers_of("case")(may_see_files)
        on_erase(end_with_person)
