"""Rule sets in the reader's language: conditions as sentences, values with their units, an answer as the "why" panel has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from qunli.kernel.lists import listed
from qunli.rules import conditions, terms
from qunli.rules.conditions import Comparison, Condition, Group, If, Not
from qunli.rules.enums import Unit
from qunli.rules.kinds import Kind, Type
from qunli.rules.rulesets import ON, Rule, RuleSet, Words
from qunli.rules.terms import Constant, Fact, Named, Operation, Term


@dataclass(frozen=True)
class Line:
    """One line of a condition. `parts` are the lines below it, indented; `verdict` and `seen` tell of a case that was tried."""

    text: str
    parts: tuple["Line", ...] = ()
    verdict: str = ""
    seen: str = ""


def value_text(value: Any, unit: str = "", options: Mapping[str, Words] | None = None) -> str:
    """A value as people read it, with its unit."""
    match value:
        case None:
            return _("不知道")
        case bool():
            return _("是") if value else _("否")
        case list():
            return listed(str((options or {}).get(each, each)) for each in value) or _("无")
        case date():
            return value.isoformat()
        case Decimal():
            text = f"{value.normalize():f}"
        case _:
            text = str((options or {}).get(value, value)) if isinstance(value, str) else str(value)
    if not unit:
        return text
    word = str(Unit(unit).label)
    return f"{text}{word}" if unit == Unit.PERCENT else f"{text} {word}"


def unplain(type_: Type, value: Any) -> Any:
    """A value back from what JSON holds."""
    if isinstance(value, str) and type_.kind == Kind.DECIMAL:
        return Decimal(value)
    if isinstance(value, str) and type_.kind == Kind.DATE:
        return date.fromisoformat(value)
    return value


def fact_value(rules: RuleSet, name: str, value: Any) -> str:
    fact = rules.facts[name]
    return value_text(value, fact.unit, fact.options)


def result_value(rules: RuleSet, name: str, value: Any) -> str:
    result = rules.results[name]
    return value_text(value, result.unit, result.options)


def condition_line(rules: RuleSet, condition: Condition, trace: Mapping[str, Any] | None = None) -> Line:
    """A condition as a sentence, what lies within `all`, `any` and `not` as lines below it; with a trace what was seen."""
    verdict = trace["verdict"] if trace else ""
    match condition:
        case Group(items=items, settled_by=settled_by):
            traces = trace["items"] if trace else [None] * len(items)
            parts = tuple(condition_line(rules, item, each) for item, each in zip(items, traces, strict=True))
            return Line(_("符合其中一项：") if settled_by else _("同时符合："), parts, verdict)
        case Not(item=item):
            return Line(_("不符合："), (condition_line(rules, item, trace["items"][0] if trace else None),), verdict)
        case Comparison():
            return Line(_Sentences(rules).comparison(condition), (), verdict, _seen(rules, condition, trace))
    raise TypeError(type(condition))


def _seen(rules: RuleSet, condition: Comparison, trace: Mapping[str, Any] | None) -> str:
    """The values of a case, of those sides that are no constants."""
    if not trace or "seen" not in trace:
        return ""
    words, known = [], False
    for arg, value in zip(condition.args, trace["seen"], strict=True):
        arg = _unscaled(arg)
        if isinstance(arg, Constant) or (isinstance(arg, Named) and isinstance(arg.term, Constant)):
            continue
        unit, options = _unit(rules, arg)
        known = known or value is not None
        words.append(value_text(unplain(arg.type, value), unit, options))
    return _("；").join(words) if known else ""


def _unscaled(term: Term) -> Term:
    """The term as it was written, without the factor that aligned its decimal places."""
    match term:
        case terms.Multiply(args=(inner, Constant(value=factor))) if inner.type.digits < term.type.digits and factor % 10 == 0:
            return inner
    return term


def _unit(rules: RuleSet, term: Term) -> tuple[str, Mapping[str, Words]]:
    match _unscaled(term):
        case Fact(name=name) if name != ON:
            return rules.facts[name].unit, rules.facts[name].options
        case Named(name=name) if name in rules.values:
            return rules.values[name].unit, {}
        case Named(name=name):
            return rules.parameters[name].unit, rules.parameters[name].options
    return "", {}


class _Sentences:
    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules

    def comparison(self, test: Comparison) -> str:
        left = test.args[0]
        unit, options = _unit(self.rules, left)
        name = self.term(left)
        if isinstance(test, conditions.Present):
            return _("已提供%(name)s") % {"name": name}
        if isinstance(test, conditions.Among):
            values = [value_text(left.type.read(value), unit, options) for value in test.values]
            return _("%(name)s是下列之一：%(values)s") % {"name": name, "values": listed(values)}
        right = test.args[1]
        if isinstance(right, Constant) and right.type.kind == Kind.BOOLEAN:
            return name if (right.value == 1) == (test.op == "eq") else _("%(name)s：否") % {"name": name}
        words = {"name": name, "value": self.term(right, unit, options)}
        match test.op:
            case "eq":
                return _("%(name)s是%(value)s") % words
            case "ne":
                return _("%(name)s不是%(value)s") % words
            case "lt":
                return _("%(name)s小于%(value)s") % words
            case "le":
                return _("%(name)s不超过%(value)s") % words
            case "gt":
                return _("%(name)s超过%(value)s") % words
            case "ge":
                return _("%(name)s达到%(value)s") % words
        return _("%(name)s包含%(value)s") % words

    def term(self, term: Term, unit: str = "", options: Mapping[str, Words] | None = None) -> str:
        """A term in words; names of parameters come with their values."""
        term = _unscaled(term)
        match term:
            case Constant(value=value, type=type_):
                return value_text(type_.read(value), unit, options)
            case Fact(name=name):
                return _("判断当天") if name == ON else str(self.rules.facts[name].label)
            case Named(name=name) if name in self.rules.values:
                return str(self.rules.values[name].label)
            case Named(name=name):
                parameter = self.rules.parameters[name]
                shown = value_text(parameter.plain, parameter.unit, parameter.options)
                return _("%(value)s（%(name)s）") % {"value": shown, "name": parameter.label}
            case If(condition=condition, then=then, otherwise=otherwise):
                words = {"test": self.test(condition), "then": self.term(then), "otherwise": self.term(otherwise)}
                return _("（%(test)s时为%(then)s，否则为%(otherwise)s）") % words
            case Operation():
                return self.operation(term)
        raise TypeError(type(term))

    def test(self, condition: Condition) -> str:
        """A condition within a formula, on one line."""
        match condition:
            case Group(items=items, settled_by=settled_by):
                return (_(" 或 ") if settled_by else _(" 且 ")).join(self.test(item) for item in items)
            case Not(item=item):
                return _("%(name)s：否") % {"name": self.test(item)}
            case Comparison():
                return self.comparison(condition)
        raise TypeError(type(condition))

    def operation(self, term: Operation) -> str:
        sides = [self.term(arg) for arg in term.args]
        match term:
            case terms.Add():
                return f"{sides[0]} + {sides[1]}"
            case terms.Subtract() if isinstance(term.args[0], Constant) and term.args[0].value == 0:
                return f"−{self._within(term.args[1])}"
            case terms.Subtract():
                return f"{sides[0]} − {self._within(term.args[1])}"
            case terms.Multiply():
                return f"{self._within(term.args[0])} × {self._within(term.args[1])}"
            case terms.Smallest():
                return _("（%(sides)s 中较小的）") % {"sides": "，".join(sides)}
            case terms.Largest():
                return _("（%(sides)s 中较大的）") % {"sides": "，".join(sides)}
            case terms.Months():
                return _("从%(since)s到%(until)s的整月数") % {"since": sides[0], "until": sides[1]}
        quotient = f"{self._within(term.args[0])} ÷ {self._within(term.args[1])}"
        match term:
            case terms.FloorDivide():
                return _("（%(quotient)s 取整数部分）") % {"quotient": quotient}
            case terms.CeilDivide():
                return _("（%(quotient)s 进一取整）") % {"quotient": quotient}
        return _("（%(quotient)s 四舍五入）") % {"quotient": quotient}

    def _within(self, term: Term) -> str:
        text = self.term(term)
        return f"({text})" if isinstance(_unscaled(term), terms.Add | terms.Subtract) else text


def formula_text(rules: RuleSet, term: Term, unit: str = "", options: Mapping[str, Words] | None = None) -> str:
    """A formula or value in words."""
    return _Sentences(rules).term(term, unit, options)


def results_text(rules: RuleSet, results: Mapping[str, Term]) -> str:
    """What comes out, with labels."""
    named = (
        (rules.results[name], formula_text(rules, term, rules.results[name].unit, rules.results[name].options))
        for name, term in results.items()
    )
    return _("；").join(_("%(label)s：%(value)s") % {"label": result.label, "value": text} for result, text in named)


def clauses(rules: RuleSet, answered: Mapping[str, Any]) -> list[dict[str, str]]:
    """An answer's data as the clauses of the "why" panel: text, clause, holds."""
    by_key = {rule.key: rule for rule in rules.rules}
    return [
        {"text": str(by_key[each["key"]].text), "clause": clause_text(by_key[each["key"]]), "holds": each["verdict"]}
        for each in answered["rules"]
    ]


def clause_text(rule: Rule) -> str:
    """The clause, with its source where that is not the set's."""
    return f"{rule.source} {rule.clause}".strip() if rule.source else str(rule.clause)


def fact_lines(rules: RuleSet, facts: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Facts with labels and values, as the "why" panel has them."""
    for name, fact in rules.facts.items():
        if facts.get(name) is not None:
            yield {"name": str(fact.label), "value": fact_value(rules, name, unplain(fact.type, facts[name])), "url": ""}
