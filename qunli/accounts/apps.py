from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "qunli.accounts"
    label = "accounts"
    verbose_name = _("账号")

    def ready(self) -> None:
        from qunli.accounts import signals  # noqa: F401
        from qunli.accounts.services import close_account, join_account, revoke_on_merge
        from qunli.people.services import on_erase, on_merge, on_merge_conflict

        on_erase(close_account)
        on_merge(revoke_on_merge)
        on_merge_conflict("accounts.Account", join_account)
