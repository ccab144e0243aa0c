"""The small screens of a request. They parse; services decide."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qunli.cases.services import matters
from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField
from qunli.kernel.errors import Refused
from qunli.people.identity import normal_name, normal_phone
from qunli.volunteering.requests.selectors import KIND
from qunli.volunteering.requests.services import Wish


class WhatForm(forms.Form):
    """Screen 1: one of the matters that can be asked for."""

    matter = forms.ChoiceField(
        label=_("要帮什么忙"), widget=forms.RadioSelect, error_messages={"required": _("请选择要帮什么忙。")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["matter"]
        field.choices = [(matter.key, matter.name) for matter in matters(KIND).values()]


class WhoForm(WhatForm):
    """Screen 1 of a community worker: who asks, and for what."""

    name = forms.CharField(label=_("谁要帮忙（姓名）"), max_length=50)
    phone = forms.CharField(
        label=_("电话"), max_length=20, required=False, widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel"})
    )
    field_order = ["name", "phone", "matter"]

    def clean_name(self) -> str:
        return _checked(normal_name, self.cleaned_data["name"])

    def clean_phone(self) -> str:
        return _checked(normal_phone, self.cleaned_data["phone"]) if self.cleaned_data["phone"] else ""


def _checked(check: Any, text: str) -> str:
    try:
        return str(check(text))
    except Refused as refused:
        raise forms.ValidationError(str(refused.message), refused.code) from refused


class WhereForm(forms.Form):
    """Screen 2: where and when."""

    division = DivisionField(label=_("在哪个社区"), levels=(Level.COMMUNITY,))
    place = forms.CharField(label=_("具体地点"), max_length=120, required=False, help_text=_("几栋几单元。只有来帮忙的人看得到。"))
    starts_at = forms.DateTimeField(
        label=_("什么时候"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text=_("不填就是什么时候都可以。"),
        error_messages={"invalid": _("请填写日期和时间，例如 2026-03-05 09:30。")},
    )
    text = forms.CharField(label=_("还要说明什么"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    urgent = forms.BooleanField(label=_("比较急"), required=False)


class ConfirmForm(forms.Form):
    """Screen 3: is it right? Asked about an emergency only when the words speak of one."""

    no_emergency = forms.BooleanField(label=_("不是紧急情况"), required=False)


def wish_of(first: WhatForm, where: WhereForm, no_emergency: bool) -> Wish:
    """What the screens say together."""
    data = where.cleaned_data
    starts_at: datetime | None = data["starts_at"]
    return Wish(
        matter=first.cleaned_data["matter"], division=data["division"], text=data["text"], place=data["place"],
        starts_at=starts_at, urgent=data["urgent"], no_emergency=no_emergency,
    )  # fmt: skip
