"""Registration in three screens, and the profile afterwards."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.people.enums import IdKind, Purpose, Relation, Sex
from qunli.people.identity import check_birth_date, normal_name, normal_phone, parse_document
from qunli.people.wordings import current
from qunli.volunteering.enums import (
    TIMES_OF_DAY,
    WEEKDAYS,
    Category,
    Skill,
)
from qunli.volunteering.services import GuardianAnswers


class IdentityForm(forms.Form):
    """Screen 1: who you are."""

    name = forms.CharField(label=gettext_lazy("姓名"), max_length=50, help_text=gettext_lazy("与证件一致，少数民族姓名可用“·”。"))
    id_kind = forms.ChoiceField(label=gettext_lazy("证件类型"), choices=IdKind.choices, initial=IdKind.RESIDENT)
    id_number = forms.CharField(
        label=gettext_lazy("证件号码"),
        max_length=32,
        help_text=gettext_lazy("只用于核对身份，加密保存，页面上不显示。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    birth_date = forms.DateField(
        label=gettext_lazy("出生日期"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    sex = forms.ChoiceField(
        label=gettext_lazy("性别"),
        required=False,
        choices=[("", gettext_lazy("按证件号码")), *Sex.choices],
    )
    phone = forms.CharField(
        label=gettext_lazy("手机号码"), max_length=20, widget=forms.TextInput(attrs={"inputmode": "tel", "type": "tel"})
    )

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "id_kind", "id_number", "phone")]

    def more(self) -> list[forms.BoundField]:
        """What a resident's number says by itself."""
        return [self[name] for name in ("birth_date", "sex")]

    def clean_name(self) -> str:
        return _checked(normal_name, self.cleaned_data["name"])

    def clean_phone(self) -> str:
        return _checked(normal_phone, self.cleaned_data["phone"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "id_kind" in data and "id_number" in data:
            try:
                document = parse_document(data["id_kind"], data["id_number"])
                data["id_number"] = document.normal
                if document.birth_date is None and data.get("birth_date") is None and "birth_date" not in self.errors:
                    self.add_error("birth_date", _("请填写出生日期，与证件一致。"))
                elif document.birth_date is None:
                    check_birth_date(data["birth_date"])
                elif data.get("birth_date") not in (None, document.birth_date):
                    self.add_error("birth_date", _("出生日期与证件号码不一致，请核对。"))
            except Refused as refused:
                self.add_error(refused.field if refused.field in self.fields else None, str(refused.message))
        return data


def _checked(check: Callable[[str], str], text: str) -> str:
    """Run a rule of the people room as the field's own."""
    try:
        return check(text)
    except Refused as refused:
        raise forms.ValidationError(str(refused.message), refused.code) from refused


class OfferForm(forms.Form):
    """Screen 2: what one offers; also the profile afterwards."""

    division = DivisionField(label=gettext_lazy("服务区域"), levels=(Level.DISTRICT, Level.STREET, Level.COMMUNITY))
    categories = forms.MultipleChoiceField(
        label=gettext_lazy("愿意参加的服务"), choices=Category.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    skills = forms.MultipleChoiceField(
        label=gettext_lazy("技能"), choices=Skill.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    free_times = forms.MultipleChoiceField(
        label=gettext_lazy("空闲时间"),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "thirds"}),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (str(3 * d + t), _("%(day)s%(time)s") % {"day": day, "time": time})
            for d, day in enumerate(WEEKDAYS)
            for t, time in enumerate(TIMES_OF_DAY)
        ]
        field: Any = self.fields["free_times"]
        field.choices = choices

    def bits(self) -> int:
        """The free times as the model keeps them."""
        return sum(1 << int(n) for n in self.cleaned_data["free_times"])


def free_times_of(bits: int) -> list[str]:
    return [str(n) for n in range(21) if bits >> n & 1]


class ConsentForm(forms.Form):
    """Screen 3: consents, one by one (PIPL 14, 29), each with the text in force."""

    registration = forms.BooleanField(label=gettext_lazy("我自愿登记为志愿者，填写的信息真实、准确、完整"))
    identity = forms.BooleanField(label=gettext_lazy("我同意平台处理我的证件号码"))
    location = forms.BooleanField(label=gettext_lazy("我同意签到时使用我的位置"), required=False)
    publish_name = forms.BooleanField(label=gettext_lazy("我同意在公示中显示我的姓名"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for purpose, field in self.fields.items():
            field.help_text = current(purpose, local_date(timezone.now())).text

    def consents(self) -> frozenset[str]:
        return frozenset(p for p in Purpose.values if self.cleaned_data.get(p))


class GuardianForm(forms.Form):
    """Screen 3 for a minor: the guardian's particulars."""

    guardian_name = forms.CharField(label=gettext_lazy("监护人姓名"), max_length=50)
    guardian_relation = forms.ChoiceField(label=gettext_lazy("与未成年人的关系"), choices=Relation.choices)
    guardian_id_kind = forms.ChoiceField(label=gettext_lazy("监护人证件类型"), choices=IdKind.choices, initial=IdKind.RESIDENT)
    guardian_id_number = forms.CharField(
        label=gettext_lazy("监护人证件号码"), max_length=32, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    guardian_phone = forms.CharField(
        label=gettext_lazy("监护人手机号码"), max_length=20, widget=forms.TextInput(attrs={"inputmode": "tel", "type": "tel"})
    )

    def clean_guardian_name(self) -> str:
        return _checked(normal_name, self.cleaned_data["guardian_name"])

    def clean_guardian_phone(self) -> str:
        return _checked(normal_phone, self.cleaned_data["guardian_phone"])


class GuardianCodeForm(forms.Form):
    """Screen 4 for a minor: the code that the guardian got, and agrees with to the text in force."""

    guardian_code = forms.CharField(
        label=gettext_lazy("监护人收到的验证码"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("请填写监护人手机收到的验证码。")},
    )


def guardian_answers(kept: dict[str, str], code: str = "") -> GuardianAnswers:
    """What `GuardianForm` was given, as the draft keeps it, and the code."""
    return GuardianAnswers(**{name.removeprefix("guardian_"): value for name, value in kept.items()}, code=code)
