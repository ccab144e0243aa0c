"""The form of a try-out: one field for each fact of the rule set, each of which may be left unknown."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from qunli.rules.kinds import Kind
from qunli.rules.rulesets import FactType, RuleSet
from qunli.rules.wording import value_text

UNKNOWN = ""
NONE_OF_THEM = "-"
"""Of a set: known to be empty. Nothing ticked means unknown."""


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def field_name(fact: str) -> str:
    return f"fact_{fact}"


class TryForm(forms.Form):
    """`facts()` gives what was filled in; what was left empty is unknown."""

    def __init__(self, rules: RuleSet, today: date, data: Any = None) -> None:
        super().__init__(data)
        self.rules = rules
        invalid = _("请填写日期，例如 2026-03-05。")
        self.fields["on"] = forms.DateField(
            label=_("判断哪一天"), initial=today, widget=Day(), error_messages={"required": invalid, "invalid": invalid}
        )
        for name in rules.asking_order:
            self.fields[field_name(name)] = _field(rules.facts[name])

    def facts(self) -> dict[str, Any]:
        """The facts that were given, by name."""
        found = {}
        for name, fact in self.rules.facts.items():
            value = self.cleaned_data.get(field_name(name))
            if value in (None, UNKNOWN, []):
                continue
            match fact.type.kind:
                case Kind.BOOLEAN:
                    value = value == "yes"
                case Kind.SET:
                    value = [each for each in value if each != NONE_OF_THEM]
            found[name] = value
        return found


def shown(rules: RuleSet, facts: dict[str, Any], on: date) -> dict[str, Any]:
    """Facts as the form's own data, to fill it in again."""
    data: dict[str, Any] = {"on": on.isoformat()}
    for name, value in facts.items():
        match rules.facts[name].type.kind:
            case Kind.BOOLEAN:
                value = "yes" if value else "no"
            case Kind.SET:
                value = list(value) or [NONE_OF_THEM]
        data[field_name(name)] = value
    return data


def _field(fact: FactType) -> forms.Field:
    label, kind = str(fact.question), fact.type.kind
    common: dict[str, Any] = {"label": label, "required": False}
    match kind:
        case Kind.BOOLEAN:
            answers = [(UNKNOWN, _("不知道")), ("yes", _("是")), ("no", _("否"))]
            return forms.ChoiceField(choices=answers, error_messages={"invalid_choice": _("请在选项中选择。")}, **common)
        case Kind.CHOICE:
            options = [(UNKNOWN, _("不知道")), *((key, str(words)) for key, words in fact.options.items())]
            return forms.ChoiceField(choices=options, error_messages={"invalid_choice": _("请在选项中选择。")}, **common)
        case Kind.SET:
            options = [*((key, str(words)) for key, words in fact.options.items()), (NONE_OF_THEM, _("一项也没有"))]
            wrong = {"invalid_choice": _("请在选项中选择。"), "invalid_list": _("请在选项中选择。")}
            help_text = _("都不选表示不知道。")
            return forms.MultipleChoiceField(
                choices=options, widget=forms.CheckboxSelectMultiple(), error_messages=wrong, help_text=help_text, **common
            )
        case Kind.DATE:
            return forms.DateField(widget=Day(), error_messages={"invalid": _("请填写日期，例如 2026-03-05。")}, **common)
    low, high = fact.type.read(fact.type.low), fact.type.read(fact.type.high)
    bounds = {"low": value_text(low), "high": value_text(high)}
    messages = {
        "invalid": _("请填写数字。"),
        "min_value": _("要在 %(low)s 与 %(high)s 之间。") % bounds,
        "max_value": _("要在 %(low)s 与 %(high)s 之间。") % bounds,
    }
    if kind == Kind.DECIMAL:
        messages["max_decimal_places"] = _("最多 %(digits)d 位小数。") % {"digits": fact.type.digits}
        return forms.DecimalField(min_value=low, max_value=high, decimal_places=fact.type.digits, error_messages=messages, **common)
    return forms.IntegerField(min_value=low, max_value=high, error_messages=messages, **common)
