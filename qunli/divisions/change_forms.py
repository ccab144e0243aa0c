"""The form for a change of divisions: lines of codes, since a merger may have many."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from qunli.divisions.enums import ChangeKind, Level
from qunli.divisions.forms import DivisionField
from qunli.divisions.models import Division
from qunli.divisions.services import Opening


class ChangeForm(forms.Form):
    kind = forms.ChoiceField(label=_("变更类型"), choices=ChangeKind.choices)
    before = forms.CharField(
        label=_("变更前"), widget=forms.Textarea(attrs={"rows": 3}), help_text=_("每行一个 12 位区划代码。"), max_length=2000
    )
    after = forms.CharField(
        label=_("变更后"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("每行一个：12 位代码，空格，名称。例如 510104099000 锦华街道"),
        max_length=4000,
    )
    parent = DivisionField(
        label=_("新的上级"), required=False, levels=(Level.CITY, Level.DISTRICT, Level.STREET), help_text=_("只在改隶时填写。")
    )
    on = forms.DateField(label=_("生效日期"), widget=forms.DateInput(attrs={"type": "date"}))
    document = forms.CharField(label=_("批准文号"), max_length=120)

    def clean_before(self) -> list[Division]:
        codes = self.cleaned_data["before"].split()
        found = {division.code: division for division in Division.objects.filter(code__in=codes, valid_to=None)}
        unknown = [code for code in codes if code not in found]
        if unknown:
            raise forms.ValidationError(_t("没有现行的区划代码：%(codes)s"), params={"codes": "、".join(unknown)})
        return [found[code] for code in dict.fromkeys(codes)]

    def clean_after(self) -> list[Opening]:
        openings: list[Opening] = []
        for number, line in enumerate(self.cleaned_data["after"].splitlines(), 1):
            code, _space, name = line.strip().partition(" ")
            if not code:
                continue
            if len(code) != 12 or not code.isalnum() or not name.strip():
                raise forms.ValidationError(_t("第 %(line)d 行应为 12 位代码、空格、名称。"), params={"line": number})
            openings.append(Opening(code.upper(), name.strip()))
        return openings

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") == ChangeKind.TRANSFER and "parent" in data and data["parent"] is None:
            self.add_error("parent", _t("改隶要选择新的上级。"))
        return data
