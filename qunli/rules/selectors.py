"""Which rules are in force, and what was decided by them. Rule sets are few, so each process keeps them for a minute."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.rules.models import Decision, Version
from qunli.rules.querysets import DecisionQuerySet, VersionQuerySet
from qunli.rules.reading import Reading, read_catalogue, restore
from qunli.rules.rulesets import FactType
from qunli.rules.rulesets import Rule as Rule
from qunli.rules.rulesets import RuleSet as RuleSet

FRESH = 60.0
"""Seconds for which another process may still follow rules that were replaced."""
FOLDER = settings.ROOT / "rulesets"


class Held(NamedTuple):
    """A stored version with what it says."""

    pk: int
    rule_set: RuleSet


@dataclass(frozen=True)
class _Kept:
    by_key: dict[str, list[Held]]
    until: float


_kept: _Kept | None = None


def forget() -> None:
    """Read the rules again at the next look: called by whatever loads them."""
    global _kept
    _kept = None


def issuers() -> tuple[str, ...]:
    """Whose rules count, the first that has any: the city, the nation, the platform's own samples."""
    return (settings.CITY_CODE, "national", "default")


def held(key: str, on: date) -> Held:
    """The version of `key` that counts on a day. Raises Refused "no_rules" when there is none."""
    found = [each for each in _standing().get(key, []) if _in_force(each.rule_set, on)]
    for issuer in issuers():
        for each in found:
            if each.rule_set.issuer == issuer:
                return each
    facts = {"key": key, "day": on.isoformat()}
    raise Refused(
        _("%(day)s 没有生效的规则“%(key)s”。请把规则文件放进 rulesets/，再运行 script/manage load_rules。") % facts,
        code="no_rules",
        field="key",
    )


def held_as(pk: int) -> Held:
    """A stored version by its key, in force or not: for what was decided under it. Raises Version.DoesNotExist."""
    found = next((each for kept in _standing().values() for each in kept if each.pk == pk), None)
    return found or Held(pk, of_version(Version.objects.defer("content").get(pk=pk)))


def rule_set(key: str, on: date) -> RuleSet:
    """What counts for `key` on a day. Raises Refused "no_rules"."""
    return held(key, on).rule_set


def of_version(version: Version) -> RuleSet:
    """What a stored version says."""
    return _restored(version.pk, bytes(version.digest), version.effective_to)


def catalogue() -> dict[str, FactType]:
    """All facts that rules may use, by name, as the files have them."""
    return _catalogue(str(FOLDER))


def versions(actor: Actor) -> VersionQuerySet:
    """Every version that the actor may read, superseded ones too."""
    return Version.objects.visible_to(actor)


def listed(actor: Actor, on: date) -> list[Held]:
    """The rule sets in force on a day that the actor may read, one a key, by title."""
    visible = set(versions(actor).in_force(on).values_list("pk", flat=True))
    found = [held(key, on) for key, all_of_key in _standing().items() if any(_in_force(each.rule_set, on) for each in all_of_key)]
    return sorted((each for each in found if each.pk in visible), key=lambda each: (each.rule_set.issuer, each.rule_set.key))


def history(actor: Actor, key: str) -> list[Version]:
    """All versions of a key that the actor may read, the latest first."""
    return list(versions(actor).filter(key=key).order_by("-effective_from", "-revision", "issuer").defer("content"))


def decisions(actor: Actor) -> DecisionQuerySet:
    """The decisions that the actor may see."""
    return Decision.objects.visible_to(actor).select_related("version", "division")


def decision_on(subject: str, actor: Actor) -> Decision | None:
    """The latest decision on a subject such as "activity:7", if the actor may see it."""
    return decisions(actor).filter(subject=subject).order_by("-id").first()


def _in_force(rules: RuleSet, on: date) -> bool:
    return rules.effective_from <= on and (rules.effective_to is None or on < rules.effective_to)


def _standing() -> dict[str, list[Held]]:
    global _kept
    if _kept is None or _kept.until < time.monotonic():
        rows = Version.objects.standing().values_list("pk", "digest", "effective_to").order_by("key", "effective_from")
        _kept = _Kept(_by_key(Held(pk, _restored(pk, bytes(digest), end)) for pk, digest, end in rows), time.monotonic() + FRESH)
    return _kept.by_key


def _by_key(found: Iterable[Held]) -> dict[str, list[Held]]:
    by_key: dict[str, list[Held]] = {}
    for each in found:
        by_key.setdefault(each.rule_set.key, []).append(each)
    return by_key


@lru_cache(maxsize=1024)
def _restored(pk: int, digest: bytes, effective_to: date | None) -> RuleSet:
    """A version never changes; the digest is part of the key because a test's database may give a number twice."""
    return restore(Version.objects.values_list("content", flat=True).get(pk=pk), effective_to)


@lru_cache(maxsize=4)
def _catalogue(folder: str) -> dict[str, FactType]:
    reading = Reading()
    read_catalogue(FOLDER.__class__(folder), reading)
    return reading.facts
