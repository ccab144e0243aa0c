"""Reads of spot checks: rounds, work, results. What is published names organisations, never a person."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from qunli.kernel.actor import Actor
from qunli.kernel.pages import Page, paginate
from qunli.rules import selectors as rules
from qunli.rules.services import parameters
from qunli.service_hours.models import SampleItem, SamplingResult, SamplingRound
from qunli.service_hours.perms import Permission
from qunli.service_hours.querysets import evidence
from qunli.service_hours.sampling.frame import RISK


@dataclass(frozen=True)
class Layer:
    """A stratum in the reader's language."""

    key: str
    label: str
    records: int
    weight: int
    drawn: int


def rounds(*, actor: Actor, cursor: str | None, size: int = 20) -> Page[SamplingRound]:
    """Rounds that the actor plans or checks, the latest first, each with `waiting`: records that nobody has judged."""
    rows = SamplingRound.objects.visible_to(actor).select_related("division")
    page = paginate(rows, order=("-id",), cursor=cursor, size=size)
    counts = dict(
        SampleItem.objects.filter(round__in=[each.pk for each in page.items], verdict="")
        .values("round")
        .annotate(rows=Count("pk"))
        .values_list("round", "rows")
    )
    for each in page.items:
        each.waiting = counts.get(each.pk, 0)  # type: ignore[attr-defined]
    return page


def visible_round(*, round_id: int, actor: Actor) -> SamplingRound | None:
    """A round that the actor may see, with its rules."""
    return SamplingRound.objects.visible_to(actor).select_related("division", "rules").filter(pk=round_id).first()


def published(*, cursor: str | None, size: int = 20) -> Page[SamplingRound]:
    """What is public, the latest first."""
    rows = SamplingRound.objects.published().select_related("division")
    return paginate(rows, order=("-closed_at", "-id"), cursor=cursor, size=size)


def published_round(*, round_id: int) -> SamplingRound | None:
    """One that is public."""
    return SamplingRound.objects.published().select_related("division", "rules").filter(pk=round_id).first()


def layers(found: SamplingRound) -> list[Layer]:
    """Its strata in the order of the rules, in the reader's language."""
    if found.rules is None:
        return []
    options = rules.of_version(found.rules).results["stratum"].options
    places = {key: place for place, key in enumerate(options)}
    rows = sorted(found.strata.all(), key=lambda row: places[row.key])
    return [Layer(row.key, str(options[row.key]), row.records, row.weight, row.drawn) for row in rows]


def label_of(item: SampleItem) -> str:
    """The stratum of a drawn record in the reader's language."""
    version = item.round.rules
    return str(rules.of_version(version).results["stratum"].options[item.stratum]) if version is not None else item.stratum


def results(*, found: SamplingRound, cursor: str | None, size: int = 30) -> Page[SamplingResult]:
    """Its organisations, the most drawn first."""
    rows = SamplingResult.objects.filter(round=found).select_related("team")
    return paginate(rows, order=("-drawn", "-id"), cursor=cursor, size=size)


def fewest(found: SamplingRound) -> int:
    """Judged records below which no rate is told."""
    count: int = parameters(RISK, on=found.until)["fewest_judged"]
    return count


def _not_involved(actor: Actor) -> Q:
    person = actor.person_id
    mine = Q(pk__in=[])
    for name in ("person", "recorded_by", "submitted_by", "verified_by"):
        mine |= Q(**{f"record__{name}": person}) & Q(**{f"record__{name}__isnull": False})
    return ~mine if person is not None else Q()


def _work(actor: Actor, found: SamplingRound) -> QuerySet[SampleItem]:
    rows = SampleItem.objects.visible_to(actor).filter(_not_involved(actor), round=found, verdict="")
    return rows if actor.has(Permission.SPOT_CHECK, path=found.division.path) else rows.none()


def work(*, actor: Actor, found: SamplingRound, cursor: str | None, size: int = 20) -> Page[SampleItem]:
    """What of a round the actor can still judge, without names."""
    rows = _work(actor, found).select_related("record__activity", "team", "round__rules")
    return paginate(rows, order=("id",), cursor=cursor, size=size)


def next_item(*, actor: Actor, found: SamplingRound, after: int) -> int | None:
    """The key of the next one to judge, from after a key on, then from the front."""
    rows = _work(actor, found).order_by("pk").values_list("pk", flat=True)
    return rows.filter(pk__gt=after).first() or rows.first()


def visible_item(*, item_id: int, actor: Actor) -> SampleItem | None:
    """A drawn record of a round that the actor may see, with its evidence."""
    rows = (
        SampleItem.objects.visible_to(actor)
        .prefetch_related(*evidence("record__"))
        .select_related(
            *("round__division", "round__rules", "team", "judged_by", "record__person", "record__activity__team"),
            *("record__activity__division", "record__recorded_by", "record__submitted_by", "record__verified_by"),
        )
    )
    return rows.filter(pk=item_id).first()
