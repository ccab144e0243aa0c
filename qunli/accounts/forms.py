"""Forms of signing in and of one's own settings."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from qunli.accounts.models import Account
from qunli.accounts.scopes import SCOPES

if TYPE_CHECKING:
    AccountForm = forms.ModelForm[Account]
else:
    AccountForm = forms.ModelForm


def _phone_field(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=24,
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "autofocus": True}),
        error_messages={"required": _("请填写手机号码。")},
    )


def _code_field(label: Any, autofocus: bool = True) -> forms.CharField:
    attrs: dict[str, Any] = {"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "8", "class": "code-input"}
    if autofocus:
        attrs["autofocus"] = True
    return forms.CharField(
        label=label, max_length=8, widget=forms.TextInput(attrs=attrs), error_messages={"required": _("请填写短信中的 6 位数字。")}
    )


class PhoneForm(forms.Form):
    phone = _phone_field(_("手机号码"))


class CodeForm(forms.Form):
    code = _code_field(_("验证码"))


class PasswordSignInForm(forms.Form):
    phone = _phone_field(_("手机号码"))
    password = forms.CharField(
        label=_("密码"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("请填写密码。")},
    )


class PasswordForm(forms.Form):
    """Setting or changing one's own password."""

    password = forms.CharField(
        label=_("新密码"),
        max_length=128,
        strip=False,
        help_text=_("至少 10 个字符，不能全是数字，也不能是常见密码。"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("再输入一次"), max_length=128, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.account)
        return password

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "password" in data and data.get("again") != data["password"]:
            self.add_error("again", _("两次输入的密码不一样。"))
        return data


class SettingsForm(AccountForm):
    class Meta:
        model = Account
        fields = ("language", "theme", "elder")
        widgets = {"language": forms.RadioSelect(choices=settings.LANGUAGES), "theme": forms.RadioSelect()}
        help_texts = {"elder": _("字更大，按钮更大，每页只做一件事。")}


class NewPhoneForm(forms.Form):
    phone = _phone_field(_("新手机号码"))


class ChangePhoneForm(forms.Form):
    old_code = _code_field(_("原号码收到的验证码"))
    new_code = _code_field(_("新号码收到的验证码"), autofocus=False)

    def __init__(self, *args: Any, has_old: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_old:
            # An account of an outside identity has had no phone yet.
            del self.fields["old_code"]


class TokenForm(forms.Form):
    name = forms.CharField(label=_("名称"), max_length=60, help_text=_("写给自己看的，例如“社区公众号”。"))
    scopes = forms.MultipleChoiceField(label=_("权限范围"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple)
    days = forms.IntegerField(label=_("有效天数"), min_value=1, max_value=366, initial=90)
