from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilesConfig(AppConfig):
    name = "qunli.files"
    label = "files"
    verbose_name = _("附件")

    def ready(self) -> None:
        from qunli.files.services import remove_with_person
        from qunli.people.services import on_erase

        on_erase(remove_with_person)
