"""Forms of a case's page. They parse; services decide."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qunli.cases.duties import refusals
from qunli.cases.enums import Channel
from qunli.cases.kinds import Unit, kinds
from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import local_date

YES_NO = [("yes", _("是")), ("no", _("否"))]


def _words(label: Any, *, rows: int = 2, **options: Any) -> forms.CharField:
    options.setdefault("max_length", 300)
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), **options)


class NoForm(forms.Form):
    """One press, nothing to fill in."""


class ReasonForm(forms.Form):
    reason = _words(_("原因"), error_messages={"required": _("请写明原因，对方会看到。")})


class NoteForm(forms.Form):
    note = _words(_("情况说明"), error_messages={"required": _("请写明情况。")})


class BeginForm(forms.Form):
    note = _words(_("打算怎么办、进展怎样"), required=False)


class RefuseForm(forms.Form):
    """Not accepted: for a reason of the rules."""

    reason = forms.ChoiceField(label=_("不予受理的理由"))
    note = _words(_("告诉诉求人去哪里办"), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["reason"]
        field.choices = [(refusal.key, str(refusal.text)) for refusal in refusals(local_date(timezone.now()))]


def _key(unit: Unit) -> str:
    return f"{unit.division}|{unit.key}"


class UnitForm(forms.Form):
    """For which of one's units one acts; hidden when there is only one."""

    unit = forms.ChoiceField(label=_("以哪个单位的名义"))

    def __init__(self, *args: Any, units: list[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.units = {_key(unit): unit for unit in units}
        field: Any = self.fields["unit"]
        field.choices = [(key, unit.name) for key, unit in self.units.items()]
        field.initial = next(iter(self.units), "")
        if len(self.units) == 1:
            field.widget = forms.HiddenInput()

    def clean_unit(self) -> Unit:
        return self.units[self.cleaned_data["unit"]]


class UnitReasonForm(UnitForm):
    reason = _words(_("原因"), error_messages={"required": _("请写明原因，对方会看到。")})


class UnitNoteForm(UnitForm):
    note = _words(_("办了什么"), error_messages={"required": _("请写明办了什么。")})


class DispatchForm(forms.Form):
    """One unit gets it; several may take it, and the first one has it."""

    to = forms.MultipleChoiceField(
        label=_("派给谁"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("选一个就派给它；选几个，先接单的办理。"),
        error_messages={"required": _("请选择派给谁。")},
    )
    assist = forms.MultipleChoiceField(label=_("协办单位"), widget=forms.CheckboxSelectMultiple, required=False)
    note = _words(_("办理要求"), required=False)

    def __init__(self, *args: Any, units: list[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.units = {_key(unit): unit for unit in units}
        for name in ("to", "assist"):
            field: Any = self.fields[name]
            field.choices = [(key, unit.name) for key, unit in self.units.items()]

    def clean_to(self) -> list[Unit]:
        return [self.units[key] for key in self.cleaned_data["to"]]

    def clean_assist(self) -> list[Unit]:
        return [self.units[key] for key in self.cleaned_data["assist"]]


class ExtendForm(ReasonForm):
    days = forms.IntegerField(label=_("延长几个工作日"), min_value=1, max_value=30)


class ContactForm(forms.Form):
    reached = forms.ChoiceField(label=_("联系上了吗"), choices=YES_NO, widget=forms.RadioSelect, initial="yes")
    note = _words(_("情况说明"), required=False)

    def clean_reached(self) -> bool:
        return bool(self.cleaned_data["reached"] == "yes")


class ReplyForm(forms.Form):
    text = _words(_("办理结果"), rows=4, max_length=2000, error_messages={"required": _("请写明办理结果。")})
    channel = forms.ChoiceField(label=_("怎样答复的"), choices=Channel.choices, widget=forms.RadioSelect, initial=Channel.PHONE)


class RateForm(forms.Form):
    solved = forms.ChoiceField(label=_("问题解决了吗"), choices=YES_NO, widget=forms.RadioSelect)
    satisfied = forms.ChoiceField(label=_("您满意吗"), choices=YES_NO, widget=forms.RadioSelect)
    comment = _words(_("想说的话"), required=False, max_length=500)
    again = forms.BooleanField(label=_("没有解决的，请再办一次"), required=False)

    def clean_solved(self) -> bool:
        return bool(self.cleaned_data["solved"] == "yes")

    def clean_satisfied(self) -> bool:
        return bool(self.cleaned_data["satisfied"] == "yes")


class VisitBackForm(forms.Form):
    reached = forms.ChoiceField(label=_("联系上了吗"), choices=YES_NO, widget=forms.RadioSelect, initial="yes")
    solved = forms.ChoiceField(label=_("问题解决了吗"), choices=YES_NO, widget=forms.RadioSelect, required=False)
    satisfied = forms.ChoiceField(label=_("诉求人满意吗"), choices=YES_NO, widget=forms.RadioSelect, required=False)
    comment = _words(_("诉求人的话"), required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("reached", "solved", "satisfied"):
            data[name] = {"yes": True, "no": False}.get(data.get(name, ""))
        return data


class MergeForm(forms.Form):
    lead = forms.ChoiceField(label=_("并入哪一件"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, leads: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["lead"]
        field.choices = leads


class SplitForm(forms.Form):
    """One further thing that is asked for."""

    matter = forms.ChoiceField(label=_("事项"))
    title = forms.CharField(label=_("标题"), max_length=60)
    text = _words(_("诉求内容"), max_length=2000)

    def __init__(self, *args: Any, matters: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["matter"]
        field.choices = matters


class FileForm(forms.Form):
    file = forms.FileField(
        label=_("照片或文件"),
        widget=forms.FileInput(attrs={"accept": "image/*,.pdf"}),
        error_messages={"required": _("请选择文件。")},
    )


class RatesForm(forms.Form):
    """Of which division, which months, which kind."""

    division = DivisionField(label=_("地区"), required=False)
    since = forms.DateField(label=_("从"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(label=_("到"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    kind = forms.ChoiceField(label=_("种类"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["kind"]
        field.choices = [("", _("全部")), *((kind.key, kind.name) for kind in kinds())]

    def months(self, today: date) -> tuple[date, date]:
        """The span that was asked for; this year's months otherwise."""
        data = getattr(self, "cleaned_data", {})
        return data.get("since") or date(today.year, 1, 1), data.get("until") or today
