"""Two versions of a rule set side by side: what came, what went, what reads differently. In the reader's language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from qunli.rules import wording
from qunli.rules.enums import Audience, Certainty, Decides
from qunli.rules.rulesets import Rule, RuleSet


@dataclass(frozen=True)
class Difference:
    """`kind`: new, gone or changed. `before` and `after` are lines of text."""

    kind: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def compare(old: RuleSet, new: RuleSet) -> list[Difference]:
    """All differences: of the head, then parameters, values and rules, in the order in which the new one has them."""
    found = _differences(_head(old), _head(new))
    found += _differences(_parameters(old), _parameters(new))
    found += _differences(_values(old), _values(new))
    found += _differences(_rules(old), _rules(new))
    if not found and [rule.key for rule in old.rules] != [rule.key for rule in new.rules]:
        found.append(Difference("changed", _("规则的次序"), tuple(_titles(old)), tuple(_titles(new))))
    return found


Texts = Mapping[str, tuple[str, tuple[str, ...]]]
"""By key: name for people, and lines."""


def _differences(old: Texts, new: Texts) -> list[Difference]:
    found = []
    for key, (name, lines) in new.items():
        if key not in old:
            found.append(Difference("new", name, (), lines))
        elif old[key][1] != lines:
            found.append(Difference("changed", name, old[key][1], lines))
    found += [Difference("gone", name, lines, ()) for key, (name, lines) in old.items() if key not in new]
    return found


def _head(rules: RuleSet) -> Texts:
    texts: dict[str, tuple[str, Any]] = {
        "title": (_("名称"), rules.title),
        "about": (_("说明"), rules.about),
        "source": (_("来源"), rules.source),
        "authority": (_("主管部门"), rules.authority),
        "certainty": (_("可靠程度"), Certainty(rules.certainty).label),
        "audience": (_("公开范围"), Audience(rules.audience).label),
        "decides": (_("怎样得出结论"), Decides(rules.decides).label),
        "outcome": (_("结果"), wording.results_text(rules, rules.outcome)),
    }
    return {key: (name, (str(text),)) for key, (name, text) in texts.items() if str(text)}


def _parameters(rules: RuleSet) -> Texts:
    return {
        name: (str(each.label), (wording.value_text(each.plain, each.unit, each.options), *_given(str(each.clause))))
        for name, each in rules.parameters.items()
    }


def _values(rules: RuleSet) -> Texts:
    return {name: (str(each.label), (wording.formula_text(rules, each.term),)) for name, each in rules.values.items()}


def _rules(rules: RuleSet) -> Texts:
    return {rule.key: (str(rule.text), tuple(_rule_lines(rules, rule))) for rule in rules.rules}


def _rule_lines(rules: RuleSet, rule: Rule) -> Iterable[str]:
    yield str(rule.text)
    yield from _given(wording.clause_text(rule))
    if rule.when is not None:
        yield from _flat(wording.condition_line(rules, rule.when))
    if rule.results:
        yield wording.results_text(rules, rule.results)


def _flat(line: wording.Line, depth: int = 0) -> Iterable[str]:
    yield "　" * depth + line.text
    for part in line.parts:
        yield from _flat(part, depth + 1)


def _given(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _titles(rules: RuleSet) -> list[str]:
    return [str(rule.text) for rule in rules.rules]
