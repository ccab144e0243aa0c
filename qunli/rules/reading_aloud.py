"""What the pages show of a rule set and of an answer: plain lines for the templates, in the reader's language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from qunli.divisions import selectors as divisions
from qunli.rules import wording
from qunli.rules.answers import Answer
from qunli.rules.enums import Audience, Certainty, Decides, Verdict
from qunli.rules.rulesets import Rule, RuleSet
from qunli.rules.selectors import Held
from qunli.rules.wording import Line


def issuer_name(issuer: str) -> str:
    """Who made the rules."""
    match issuer:
        case "national":
            return _("国家")
        case "default":
            return _("平台示例")
    node = divisions.tree().by_code.get(issuer)
    return node.name if node else issuer


@dataclass(frozen=True)
class Group:
    """Rule sets of one issuer, for the list."""

    name: str
    items: list[dict[str, Any]]


def groups(found: Iterable[Held]) -> list[Group]:
    """Rule sets by issuer: the city's, the nation's, the samples."""
    by_issuer: dict[str, list[dict[str, Any]]] = {}
    for held in found:
        by_issuer.setdefault(held.rule_set.issuer, []).append(
            {"rules": held.rule_set, "certainty": Certainty(held.rule_set.certainty).label, "restricted": restricted(held.rule_set)}
        )
    order = sorted(by_issuer, key=lambda issuer: (issuer == "default", issuer == "national", issuer))
    return [Group(issuer_name(issuer), by_issuer[issuer]) for issuer in order]


def restricted(rules: RuleSet) -> bool:
    return rules.audience == Audience.OFFICERS


def page(rules: RuleSet) -> dict[str, Any]:
    """A rule set as a page to read."""
    return {
        "issuer": issuer_name(rules.issuer),
        "certainty": Certainty(rules.certainty).label,
        "restricted": restricted(rules),
        "decides": Decides(rules.decides).label,
        "rules": [_rule(rules, rule, number) for number, rule in enumerate(rules.rules, 1)],
        "outcome": wording.results_text(rules, rules.outcome),
        "parameters": [
            {
                "label": str(each.label),
                "value": wording.value_text(each.plain, each.unit, each.options),
                "clause": str(each.clause),
            }
            for each in rules.parameters.values()
        ],
        "values": [{"label": str(each.label), "value": wording.formula_text(rules, each.term)} for each in rules.values.values()],
        "facts": [
            {"label": str(rules.facts[name].label), "question": str(rules.facts[name].question), "cost": rules.facts[name].cost}
            for name in rules.asking_order
        ],
    }


def _rule(rules: RuleSet, rule: Rule, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "text": str(rule.text),
        "clause": wording.clause_text(rule),
        "when": wording.condition_line(rules, rule.when) if rule.when else None,
        "results": wording.results_text(rules, rule.results),
    }


def answered(found: Answer, facts: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An answer for a page: verdict, results, each rule with what was seen, what is missing and the question to ask next.

    `stored` is what was kept with a decision; it comes before what is computed now.
    """
    rules, data = found.rule_set, stored or found.data()
    by_key = {rule.key: rule for rule in rules.rules}
    return {
        "verdict": data["verdict"],
        "verdict_text": _verdict(rules, data),
        "tone": {"yes": "done", "no": "bad", "unknown": "due"}[data["verdict"]],
        "results": _results(rules, data["results"]),
        "rules": [_answered_rule(rules, by_key[each["key"]], each) for each in data["rules"]],
        "missing": [str(rules.facts[name].label) for name in data["missing"]],
        "question": str(rules.facts[data["question"]].question) if data["question"] else "",
        "facts": list(wording.fact_lines(rules, facts)),
        "on": data["on"],
    }


def _verdict(rules: RuleSet, data: Mapping[str, Any]) -> str:
    """For a list of findings: how many; for a ladder: which rung; for requirements: whether they are met."""
    if data["verdict"] == Verdict.UNKNOWN:
        return _("还不能判断")
    match rules.decides:
        case Decides.EACH:
            return _("成立 %(count)d 条") % {"count": len(data["applied"])}
        case Decides.FIRST:
            by_key = {rule.key: rule for rule in rules.rules}
            return str(by_key[data["applied"][0]].text) if data["applied"] else _("没有一条符合")
    return _("符合全部条件") if data["verdict"] == Verdict.YES else _("不符合")


def _results(rules: RuleSet, results: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "label": str(rules.results[name].label),
            "value": wording.result_value(rules, name, wording.unplain(rules.results[name].type, value)),
        }
        for name, value in results.items()
    ]


def _answered_rule(rules: RuleSet, rule: Rule, data: Mapping[str, Any]) -> dict[str, Any]:
    line: Line | None = wording.condition_line(rules, rule.when, data["trace"]) if rule.when and data["trace"] else None
    return {
        "text": str(rule.text),
        "clause": wording.clause_text(rule),
        "verdict": data["verdict"],
        "when": line,
        "results": _results(rules, data["results"]),
    }
