"""Spot checks: plan, work, verdicts, and the published results."""

from datetime import date, datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router, Schema

from qunli.audit.services import looked
from qunli.divisions import selectors as divisions
from qunli.divisions.models import Division
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, or_404
from qunli.kernel.masking import mask_name
from qunli.service_hours import perms, services
from qunli.service_hours.api.schemas import Cursor
from qunli.service_hours.integrity.evidence import confidence_of
from qunli.service_hours.models import SampleItem, SamplingRound
from qunli.service_hours.perms import Permission
from qunli.service_hours.sampling import showing

router = Router()


class RoundIn(Schema):
    division: str
    since: date
    until: date
    size: int


class StratumOut(Schema):
    key: str
    records: int
    weight: int
    drawn: int


class RoundOut(Schema):
    """Rates are shares of 1, None when the sample tells too little."""

    id: int
    division: str
    since: date
    until: date
    state: str
    records: int
    organisations: int
    drawn: int
    judged: int
    wrong: int
    rate: float | None
    low: float | None
    high: float | None
    closed_at: datetime | None


class RoundPage(Schema):
    items: list[RoundOut]
    next: str | None
    previous: str | None


class ResultOut(Schema):
    team: int
    name: str
    records: int
    drawn: int
    judged: int
    wrong: int | None
    rate: float | None
    low: float | None
    high: float | None


class ResultPage(Schema):
    round: RoundOut
    seed: int
    frame_sm3: str
    strata: list[StratumOut]
    items: list[ResultOut]
    next: str | None
    previous: str | None


class ItemOut(Schema):
    id: int
    record: int
    team: str
    title: str
    person: str
    """In full for who may judge it, and then the look is on record."""
    minutes: int
    signed_in_at: datetime
    signed_out_at: datetime | None
    confidence: str | None
    stratum: str
    weight: int
    chance: float
    verdict: str
    note: str


class LineOut(Schema):
    id: int
    team: str
    title: str
    minutes: int
    stratum: str


class LinePage(Schema):
    items: list[LineOut]
    next: str | None
    previous: str | None


class CheckIn(Schema):
    verdict: str
    """right, wrong or untold."""
    note: str = ""


@router.get(
    "/sampling",
    response={200: RoundPage, **PROBLEMS},
    auth=needs("records:read"),
    summary="Spot checks in one's reach, latest first",
)
def rounds(request: HttpRequest, cursor: Cursor = None) -> RoundPage:
    actor = actor_of(request)
    if not (actor.has(Permission.SAMPLE) or actor.has(Permission.SPOT_CHECK)):
        raise Denied(Permission.SPOT_CHECK)
    page = showing.rounds(actor=actor, cursor=cursor)
    return RoundPage(items=[_round_out(each) for each in page.items], next=page.next, previous=page.previous)


@router.post(
    "/sampling", response={200: RoundOut, **PROBLEMS}, auth=needs("records:write"), summary="Plan a spot check; the queue draws it"
)
def plan(request: HttpRequest, data: RoundIn) -> RoundOut:
    if not actor_of(request).has(Permission.SAMPLE):
        raise Denied(Permission.SAMPLE)
    try:
        division = divisions.by_code(data.division)
    except Division.DoesNotExist:
        raise Refused(_("没有这个区划代码。"), code="division", field="division") from None
    values = data.dict() | {"division": division}
    return _round_out(services.plan_round(**values, by=actor_of(request), now=timezone.now()))


@router.get("/sampling/published", response={200: RoundPage, **PROBLEMS}, auth=None, summary="Published spot checks, latest first")
def published(request: HttpRequest, cursor: Cursor = None) -> RoundPage:
    page = showing.published(cursor=cursor)
    return RoundPage(items=[_round_out(each) for each in page.items], next=page.next, previous=page.previous)


@router.get(
    "/sampling/published/{int:sampling_round}",
    response={200: ResultPage, **PROBLEMS},
    auth=None,
    summary="Results of one, by organisation, with seed and strata",
)
def published_round(request: HttpRequest, sampling_round: Id, cursor: Cursor = None) -> ResultPage:
    found = or_404(showing.published_round(round_id=sampling_round))
    page = showing.results(found=found, cursor=cursor)
    items = [
        ResultOut(
            team=row.team_id,
            name=row.team.name,
            wrong=None if row.rate is None else row.wrong,
            **{name: getattr(row, name) for name in ("records", "drawn", "judged", "rate", "low", "high")},
        )
        for row in page.items
    ]
    strata = [
        StratumOut(key=each.key, records=each.records, weight=each.weight, drawn=each.drawn) for each in showing.layers(found)
    ]
    return ResultPage(
        round=_round_out(found),
        seed=found.seed,
        frame_sm3=bytes(found.frame_digest).hex(),
        strata=strata,
        items=items,
        next=page.next,
        previous=page.previous,
    )


@router.get(
    "/sampling/{int:sampling_round}/work",
    response={200: LinePage, **PROBLEMS},
    auth=needs("records:read"),
    summary="Drawn records that one can still judge",
)
def work(request: HttpRequest, sampling_round: Id, cursor: Cursor = None) -> LinePage:
    page = showing.work(actor=actor_of(request), found=_round(request, sampling_round), cursor=cursor)
    items = [
        LineOut(id=one.pk, team=one.team.name, title=one.record.activity.title, minutes=one.record.minutes, stratum=one.stratum)
        for one in page.items
    ]
    return LinePage(items=items, next=page.next, previous=page.previous)


@router.post(
    "/sampling/{int:sampling_round}/close",
    response={200: RoundOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Publish the results of a round of which all is judged",
)
def close(request: HttpRequest, sampling_round: Id) -> RoundOut:
    found = _round(request, sampling_round)
    return _round_out(services.close_round(sampling_round=found, by=actor_of(request), now=timezone.now()))


@router.get(
    "/sampling/items/{int:item}",
    response={200: ItemOut, **PROBLEMS},
    auth=needs("records:read"),
    summary="A drawn record with its evidence",
)
def item(request: HttpRequest, item: Id) -> ItemOut:
    return _item_out(request, _item(request, item))


@router.post(
    "/sampling/items/{int:item}/check",
    response={200: ItemOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Say once whether a drawn record is right",
)
def check(request: HttpRequest, item: Id, data: CheckIn) -> ItemOut:
    found = _item(request, item)
    services.check_item(item=found, verdict=data.verdict, note=data.note, by=actor_of(request), now=timezone.now())
    return _item_out(request, _item(request, item))


def _round_out(found: SamplingRound) -> RoundOut:
    names = [name for name in RoundOut.model_fields if name not in ("id", "division")]
    return RoundOut(id=found.pk, division=found.division.code, **{name: getattr(found, name) for name in names})


def _item_out(request: HttpRequest, found: SampleItem) -> ItemOut:
    actor, record = actor_of(request), found.record
    named = perms.may_check(actor, found)
    if named:
        looked("service_hours.sample_item", f"sample:{found.pk}", by=actor, record=record.pk)
    graded = confidence_of(record)
    return ItemOut(
        id=found.pk,
        record=record.pk,
        team=found.team.name,
        title=record.activity.title,
        person=record.person.name if named else mask_name(record.person.name),
        minutes=record.minutes,
        signed_in_at=record.signed_in_at,
        signed_out_at=record.signed_out_at,
        confidence=graded.grade if graded else None,
        stratum=found.stratum,
        weight=found.weight,
        chance=found.chance,
        verdict=found.verdict,
        note=found.note,
    )


def _round(request: HttpRequest, key: int) -> SamplingRound:
    return or_404(showing.visible_round(round_id=key, actor=actor_of(request)))


def _item(request: HttpRequest, key: int) -> SampleItem:
    return or_404(showing.visible_item(item_id=key, actor=actor_of(request)))
