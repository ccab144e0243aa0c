from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField
from qunli.people.enums import IdKind, Purpose, Relation, Sex

NOTHING = [("", "—")]
"""An empty first choice."""


class PersonForm(forms.Form):
    """Registering somebody who came to the office."""

    name = forms.CharField(label=_("姓名"), max_length=80, help_text=_("与证件一致；少数民族姓名用“·”分隔。"))
    id_kind = forms.ChoiceField(label=_("证件类型"), choices=IdKind.choices)
    id_number = forms.CharField(label=_("证件号码"), max_length=30, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    phone = forms.CharField(label=_("手机号码"), max_length=30, widget=forms.TextInput(attrs={"inputmode": "tel"}))
    division = DivisionField(label=_("居住区域"), levels=(Level.COMMUNITY,))
    birth_date = forms.DateField(
        label=_("出生日期"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("只有护照需要填写，其他证件从号码里读取。"),
    )
    sex = forms.ChoiceField(label=_("性别"), required=False, choices=[*NOTHING, *Sex.choices], help_text=_("只有护照需要选择。"))


class ContactForm(forms.Form):
    phone = forms.CharField(label=_("手机号码"), max_length=30, widget=forms.TextInput(attrs={"inputmode": "tel"}))
    email = forms.CharField(
        label=_("电子邮箱"), max_length=120, required=False, widget=forms.TextInput(attrs={"inputmode": "email"})
    )
    remove_email = forms.BooleanField(label=_("删除现在的电子邮箱"), required=False)
    division = DivisionField(label=_("居住区域"), levels=(Level.COMMUNITY,), required=False)

    def __init__(self, *args: Any, has_email: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_email:
            del self.fields["remove_email"]

    def clean_remove_email(self) -> bool:
        """Either a new address or none."""
        if self.cleaned_data["remove_email"] and self.cleaned_data.get("email"):
            raise forms.ValidationError(_("填写了新的电子邮箱，就不用再选择删除。"))
        return bool(self.cleaned_data["remove_email"])


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("查看事由"), max_length=200, help_text=_("本人和审计员会看到。"))


class ConsentForm(forms.Form):
    purpose = forms.ChoiceField(choices=Purpose.choices)
    give = forms.BooleanField(required=False)
    wording = forms.CharField(max_length=20, required=False)


class GuardianForm(forms.Form):
    """The guardian must be registered: found by the document."""

    id_kind = forms.ChoiceField(label=_("监护人的证件类型"), choices=IdKind.choices)
    id_number = forms.CharField(label=_("监护人的证件号码"), max_length=30, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    relation = forms.ChoiceField(label=_("关系"), choices=Relation.choices)


class EraseForm(forms.Form):
    confirm = forms.BooleanField(label=_("我知道注销后不能恢复"), required=True)


class MergeForm(forms.Form):
    kept = forms.TypedChoiceField(label=_("保留哪一份"), coerce=int, widget=forms.RadioSelect)
    reason = forms.CharField(label=_("合并的依据"), max_length=200, help_text=_("例如：本人持证件到社区说明。"))

    def __init__(self, *args: object, people: list[tuple[int, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["kept"].choices = people  # type: ignore[attr-defined]
