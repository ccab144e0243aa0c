"""The doors of the room: evaluating rules, loading them, and deciding by them.

answer = evaluate("hour-confidence", {"rotating_code": True, "minutes": 120, ...}, on=day)
answer.verdict, answer.results["confidence"], answer.missing, answer.question, answer.data()
parameters("hour-integrity", on=day)["max_hours_a_day"]
evaluate_columns("hour-integrity", {"minutes": array, "planned_minutes": (array, known)}, on=day)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import Actor
from qunli.kernel.ciphers import blind_index, sm3
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.lists import listed
from qunli.people.models import Person
from qunli.rules import facts as on_record
from qunli.rules import selectors
from qunli.rules.answers import Answer, answer
from qunli.rules.columns import ColumnAnswers as ColumnAnswers
from qunli.rules.columns import answer_columns
from qunli.rules.documents import Mistake
from qunli.rules.models import Decision, Version
from qunli.rules.perms import Permission, may_try_on
from qunli.rules.reading import read_folder
from qunli.rules.rulesets import RuleSet


def evaluate(key: str, facts: Mapping[str, Any], *, on: date, trace: bool = True) -> Answer:
    """What the rules `key`, as they stand on a day, say of these facts.

    Facts are named as in `rulesets/facts/`; one that is left out or None is unknown, one that this version does not use is passed
    over. Raises Refused: "no_rules" when none are in force, "unknown_fact" for a name that stands in no catalogue, "fact" (at its
    field) for a value that does not fit. `trace=False` leaves out the trace, for loops.
    """
    rules = selectors.rule_set(key, on)
    _known_names(rules, facts)
    return answer(rules, facts, on=on, trace=trace)


def evaluate_version(version: int, facts: Mapping[str, Any], *, on: date, trace: bool = True) -> Answer:
    """`evaluate` under one stored version, in force on that day or not: what was decided under it comes out again."""
    rules = selectors.held_as(version).rule_set
    _known_names(rules, facts)
    return answer(rules, facts, on=on, trace=trace)


def evaluate_columns(
    key: str, columns: Mapping[str, Any], *, on: date, missing: bool = True, size: int | None = None
) -> ColumnAnswers:
    """`evaluate` for many cases at once: columns of facts in, columns of verdicts and results out (`columns` says in what form).

    One version counts for all rows, that of `on`. `size` is needed when there is no column at all. Raises as `evaluate` does.
    """
    rules = selectors.rule_set(key, on)
    _known_names(rules, columns)
    return answer_columns(rules, columns, on=on, missing=missing, size=size)


def parameters(key: str, *, on: date) -> dict[str, Any]:
    """The parameters of the rules `key` on a day, by name, as Python has them (int, Decimal, bool, str, date). Raises Refused."""
    return {name: parameter.plain for name, parameter in selectors.rule_set(key, on).parameters.items()}


def parameters_of(version: int) -> dict[str, Any]:
    """`parameters` of one stored version."""
    return {name: parameter.plain for name, parameter in selectors.held_as(version).rule_set.parameters.items()}


def _known_names(rules: RuleSet, facts: Mapping[str, Any]) -> None:
    for name in facts:
        if name not in rules.facts and name not in selectors.catalogue():
            known = listed(rules.facts)
            raise Refused(
                _("没有名为“%(name)s”的事实。这套规则用到：%(known)s。") % {"name": name, "known": known},
                code="unknown_fact",
                field=name,
            )


def gather_facts(*, key: str, person: Person, on: date, by: Actor) -> dict[str, Any]:
    """What is on record about a person, of the facts that the rules `key` ask for. The look is recorded. Raises Denied, Refused."""
    if not may_try_on(by, person):
        raise Denied(Permission.TRY_ON_PERSON, _("用规则试算他人"))
    found = on_record.gather(selectors.rule_set(key, on).facts, person=person, on=on)
    audit.looked("rules.facts", f"person:{person.pk}", by=by, rules=key, facts=sorted(found))
    return found


class Case(NamedTuple):
    """One case to be decided: what is on record about it, where it belongs, and whom it is about."""

    facts: Mapping[str, Any]
    subject: str
    division: Division
    person: Person | None = None


def decide(
    *,
    key: str,
    facts: Mapping[str, Any],
    subject: str,
    division: Division,
    on: date,
    by: Actor,
    now: datetime,
    person: Person | None = None,
) -> Decision:
    """Evaluate and keep: the version, the facts, the answer with its trace. The caller has asked whether `by` may decide this."""
    return decide_many(key=key, cases=[Case(facts, subject, division, person)], on=on, by=by, now=now)[0]


def decide_many(*, key: str, cases: Sequence[Case], on: date, by: Actor, now: datetime) -> list[Decision]:
    """`decide` for several cases of one day, in two statements; each is kept, replayed and audited for itself."""
    held = selectors.held(key, on)
    decisions = [_decided(held, case, on, by, now) for case in cases]
    with transaction.atomic():
        Decision.objects.bulk_create(decisions, batch_size=500)
        version = str(decisions[0].version) if decisions else ""
        audit.record_many(
            (
                ("rules.decide", each.subject, {"decision": each.pk, "rules": version, "verdict": str(each.verdict)})
                for each in decisions
            ),
            by=by,
        )
    return decisions


def _decided(held: selectors.Held, case: Case, on: date, by: Actor, now: datetime) -> Decision:
    _known_names(held.rule_set, case.facts)
    found = answer(held.rule_set, case.facts, on=on)
    used = {name: _plain(held.rule_set, name, value) for name, value in case.facts.items() if name in held.rule_set.facts}
    facts_text, answer_text = _text(used), _text(found.data())
    return Decision(
        version_id=held.pk,
        subject=case.subject,
        person=case.person,
        division=case.division,
        on=on,
        verdict=found.verdict,
        facts=facts_text,
        answer=answer_text,
        seal=_seal(facts_text, answer_text),
        decided_at=now,
        decided_by_id=by.person_id,
    )


def evaluate_again(decision: Decision, **changed: Any) -> Answer:
    """What the version of an old decision says of its facts with some of them changed; of an erased one, of the changed alone."""
    facts = json.loads(decision.facts) if decision.facts is not None else {}
    return answer(selectors.of_version(decision.version), {**facts, **changed}, on=decision.on, trace=False)


@dataclass(frozen=True)
class Replay:
    """An old decision computed again under the version of its day."""

    answer: Answer
    same: bool
    """Whether it says what it said then, and what was stored is what was decided."""


def facts_of(decision: Decision) -> dict[str, Any]:
    """The facts of a decision. Raises Refused "erased" when they were deleted at the person's request."""
    if decision.facts is None or decision.answer is None:
        raise Refused(_("当事人已注销，判断所依据的事实已删除，不能重算。"), code="erased")
    found: dict[str, Any] = json.loads(decision.facts)
    return found


def replay(decision: Decision) -> Replay:
    """Evaluate a decision again, with its facts, under its own version. Raises Refused "erased"."""
    facts = facts_of(decision)
    again = answer(selectors.of_version(decision.version), facts, on=decision.on)
    genuine = bytes(decision.seal) == _seal(str(decision.facts), str(decision.answer))
    return Replay(again, genuine and _text(again.data()) == decision.answer)


def _plain(rules: RuleSet, name: str, value: Any) -> Any:
    type_ = rules.facts[name].type
    return None if value is None else type_.plain(type_.write(value))


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _seal(facts: str, answer_text: str) -> bytes:
    return blind_index("rules.decision", f"{facts}\n{answer_text}")


# --- Loading ------------------------------------------------------------


@dataclass
class Loaded:
    """What loading did, by `key issuer date`; or the mistakes, and then nothing was done."""

    created: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    unchanged: int = 0
    without_file: list[str] = field(default_factory=list)
    """In force in the database and in no file any more: end them by `effective_to`, not by deleting the file."""
    mistakes: list[Mistake] = field(default_factory=list)


def load(folder: Path, *, by: Actor, now: datetime, write: bool = True) -> Loaded:
    """Bring the stored rules to what the files of a folder say; all of it or, when there is a mistake, nothing.

    A file that says something else for a period that was loaded makes a new revision. `write=False` only tells what would be done.
    """
    reading = read_folder(folder)
    if reading.mistakes:
        return Loaded(mistakes=sorted(reading.mistakes))
    with transaction.atomic():
        loaded = _load(reading.rule_sets, by=by, now=now)
        if not write:
            transaction.set_rollback(True)
    selectors.forget()
    return loaded


def _load(rule_sets: list[tuple[str, RuleSet]], *, by: Actor, now: datetime) -> Loaded:
    loaded = Loaded()
    standing = {(v.key, v.issuer, v.effective_from): v for v in Version.objects.standing().select_for_update().order_by("pk")}
    latest: dict[tuple[str, str, date], int] = {}
    for key, issuer, since, revision in Version.objects.order_by("revision").values_list(
        "key", "issuer", "effective_from", "revision"
    ):
        latest[key, issuer, since] = revision
    ending: list[Version] = []
    making: list[Version] = []
    for file, rules in rule_sets:
        place = (rules.key, rules.issuer, rules.effective_from)
        name = f"{rules.key} {rules.issuer} {rules.effective_from}"
        digest = sm3(rules.content.encode())
        old = standing.pop(place, None)
        if old is not None and bytes(old.digest) == digest and old.effective_to == rules.effective_to:
            loaded.unchanged += 1
            continue
        if old is not None and bytes(old.digest) == digest and old.effective_to is None:
            old.effective_to = rules.effective_to
            ending.append(old)
            loaded.closed.append(name)
            continue
        if old is not None:
            old.superseded_at = now
            ending.append(old)
        (loaded.created if old is None else loaded.revised).append(name)
        making.append(
            Version(
                key=rules.key,
                issuer=rules.issuer,
                revision=latest.get(place, 0) + 1,
                audience=rules.audience,
                effective_from=rules.effective_from,
                effective_to=rules.effective_to,
                content=rules.content,
                digest=digest,
                file=file,
                loaded_at=now,
            )
        )
    loaded.without_file = [str(version) for version in standing.values()]
    for version in ending:
        version.save(update_fields=["effective_to", "superseded_at"])
    for version in making:
        version.save(force_insert=True)
        audit.record("rules.load", f"rules:{version.key}", by=by, version=version.pk, digest=bytes(version.digest).hex())
    for version in ending:
        audit.record("rules.end", f"rules:{version.key}", by=by, version=version.pk)
    return loaded
