"""Rules for programs: which are in force, what they say, and what they say of facts."""

from datetime import date
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from qunli.kernel.api import PROBLEMS, needs
from qunli.kernel.clock import local_date
from qunli.kernel.http import actor_of
from qunli.rules import selectors, services
from qunli.rules.rulesets import RuleSet, Words

router = Router(tags=["rules"])
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]


class Text(Schema):
    zh: str
    en: str


class RulesOut(Schema):
    key: str
    issuer: str
    """"national", "default" (a sample of the platform), or the code of a city."""
    title: Text
    source: Text
    certainty: str
    """full_text, secondary, to_verify or design."""
    decides: str
    """all: every rule must hold; first: the first that holds decides; each: every rule stands for itself."""
    effective_from: date
    effective_to: date | None


class RulesList(Schema):
    items: list[RulesOut]


class FactOut(Schema):
    name: str
    type: str
    unit: str
    label: Text
    question: Text
    cost: int
    """What it takes to find out: 0 on record, 1 the person can say, 5 a document, 20 another office."""
    options: dict[str, Text]
    low: Any = None
    high: Any = None
    """Bounds of numbers and dates."""


class RuleOut(Schema):
    key: str
    text: Text
    clause: Text


class RulesDetail(RulesOut):
    facts: list[FactOut]
    """From the cheapest to find out to the dearest."""
    parameters: dict[str, Any]
    rules: list[RuleOut]


class FactsIn(Schema):
    facts: dict[str, Any]
    """By name; one that is left out or null is unknown."""
    on: date | None = None
    """The day whose rules count; today without it."""


class AnswerOut(Schema):
    verdict: str
    """yes, no or unknown."""
    results: dict[str, Any]
    applied: list[str]
    rules: list[dict[str, Any]]
    """Each rule: key, verdict, results, trace with the values that were seen."""
    missing: list[str]
    question: str | None
    """The fact to ask next: the cheapest that could still change the answer."""
    effective_from: date
    on: date


def _text(words: Words) -> Text:
    return Text(zh=words.zh, en=words.en)


def _out(rules: RuleSet) -> dict[str, Any]:
    names = ("key", "issuer", "effective_from", "effective_to")
    plain = {name: getattr(rules, name) for name in names} | {"certainty": str(rules.certainty), "decides": str(rules.decides)}
    return plain | {"title": _text(rules.title), "source": _text(rules.source)}


def _readable(request: HttpRequest, key: str, on: date) -> RuleSet:
    """The rules in force that the actor may read; 404 otherwise."""
    found = next((held.rule_set for held in selectors.listed(actor_of(request), on) if held.rule_set.key == key), None)
    if found is None:
        raise Http404
    return found


@router.get("/", response={200: RulesList, **PROBLEMS}, auth=needs("rules:read"), summary="Rule sets in force on a day")
def rule_sets(request: HttpRequest, on: date | None = None) -> RulesList:
    """Those that are public; with rules.read also the others. `on`: today without it."""
    day = on or local_date(timezone.now())
    return RulesList(items=[RulesOut(**_out(held.rule_set)) for held in selectors.listed(actor_of(request), day)])


@router.get(
    "/{rules_key}", response={200: RulesDetail, **PROBLEMS}, auth=needs("rules:read"), summary="One rule set with its facts"
)
def rule_set(request: HttpRequest, rules_key: Key, on: date | None = None) -> RulesDetail:
    day = on or local_date(timezone.now())
    rules = _readable(request, rules_key, day)
    facts = [
        FactOut(
            name=name,
            type=str(fact.type.kind),
            unit=fact.unit,
            label=_text(fact.label),
            question=_text(fact.question),
            cost=fact.cost,
            options={key: _text(words) for key, words in fact.options.items()},
            low=None if fact.options else fact.type.plain(fact.type.low),
            high=None if fact.options else fact.type.plain(fact.type.high),
        )
        for name, fact in ((name, rules.facts[name]) for name in rules.asking_order)
    ]
    return RulesDetail(
        **_out(rules),
        facts=facts,
        parameters={name: each.type.plain(each.value) for name, each in rules.parameters.items()},
        rules=[RuleOut(key=rule.key, text=_text(rule.text), clause=_text(rule.clause)) for rule in rules.rules],
    )


@router.post(
    "/{rules_key}/evaluate", response={200: AnswerOut, **PROBLEMS}, auth=needs("rules:read"), summary="What the rules say of facts"
)
def evaluate(request: HttpRequest, rules_key: Key, data: FactsIn) -> dict[str, Any]:
    """Nothing is stored. A fact that does not fit is refused (409) with its name in `field`."""
    day = data.on or local_date(timezone.now())
    _readable(request, rules_key, day)
    return services.evaluate(rules_key, data.facts, on=day).data()
