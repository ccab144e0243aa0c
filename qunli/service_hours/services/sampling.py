"""Spot checks: planned, drawn by the queue, judged record by record, closed and published (办法 21)."""

import secrets
from datetime import date, datetime, timedelta

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen
from qunli.rules import selectors as rules
from qunli.rules.services import evaluate, parameters
from qunli.service_hours import perms
from qunli.service_hours.enums import Checked, RecordState, RoundState
from qunli.service_hours.integrity import judging
from qunli.service_hours.integrity.keeping import keep
from qunli.service_hours.models import SampleItem, SamplingResult, SamplingRound, SamplingStratum
from qunli.service_hours.perms import Permission
from qunli.service_hours.sampling.drawing import allocated, draw, probabilities
from qunli.service_hours.sampling.estimating import Estimate, estimate
from qunli.service_hours.sampling.frame import RISK, Frame, frame
from qunli.service_hours.states import ROUND

LARGEST = 5_000
"""Records of one round: people look at each."""
LONGEST = timedelta(days=366)
"""Of a round's period."""
LONGEST_NOTE = 500


def plan_round(*, division: Division, since: date, until: date, size: int, by: Actor, now: datetime) -> SamplingRound:
    """Plan a spot check of a division's hours; the queue draws it. The seed is chance of the system, chosen here once.

    Raises Denied; Refused at "until" ("period", "future", "long") or "size" ("size"), and "no_rules".
    """
    if not by.has(Permission.SAMPLE, path=division.path):
        raise Denied(Permission.SAMPLE, _("只能抽查自己负责的区域。"))
    if until < since:
        raise Refused(_("结束日期不能早于开始日期。"), code="period", field="until")
    if until > local_date(now):
        raise Refused(_("结束日期不能晚于今天。"), code="future", field="until")
    if until - since > LONGEST:
        raise Refused(_("一次抽查最多包含一年的服务，请分几次。"), code="long", field="until")
    if not 1 <= size <= LARGEST:
        raise Refused(_("抽取条数要在 1 到 %(most)s 之间。") % {"most": f"{LARGEST:,}"}, code="size", field="size")
    rules.held(RISK, until)
    with transaction.atomic():
        planned = SamplingRound.objects.create(
            division=division,
            since=since,
            until=until,
            size=size,
            seed=secrets.randbits(62),
            created_at=now,
            created_by_id=by.person_id,
        )
        audit.record("service_hours.plan_round", _subject(planned), by=by, size=size)
        from qunli.service_hours.tasks import draw_sample

        draw_sample.defer(sampling_round=planned.pk)
    return planned


def draw_round(*, round_id: int, now: datetime) -> int:
    """Draw a planned round, once; returns how many records were drawn. The method stands in `sampling.drawing`."""
    with transaction.atomic():
        found = SamplingRound.objects.select_for_update(of=("self",)).select_related("division").get(pk=round_id)
        if found.state != RoundState.DRAWING:
            return 0
        held = rules.held(RISK, found.until)
        rows = frame(path=found.division.path, since=_midnight(found.since), before=_midnight(found.until + ONE), on=found.until)
        found.rules_id, found.drawn_at = held.pk, now
        found.records, found.organisations, found.frame_digest = len(rows), len(np.unique(rows.team)), rows.digest()
        found.drawn = _keep(found, rows, list(held.rule_set.results["stratum"].options)) if len(rows) else 0
        found.state = ROUND.target("draw" if len(rows) else "find_none", found.state)
        found.save()
        audit.record("service_hours.draw_round", _subject(found), by=SYSTEM, records=found.records, drawn=found.drawn)
    return found.drawn


def _keep(found: SamplingRound, rows: Frame, names: list[str]) -> int:
    """Strata, drawn records and their organisations, as rows."""
    strata = [np.flatnonzero(rows.stratum == place) for place in range(len(names))]
    totals = [int(rows.weight[places].sum(dtype=np.int64)) for places in strata]
    counts = allocated([len(places) for places in strata], totals, found.size)
    items: list[SampleItem] = []
    for name, places, count in zip(names, strata, counts, strict=True):
        if not count:
            continue
        chances = probabilities(rows.weight[places].astype(float), count)
        for nth in draw(rows.record[places], chances, seed=found.seed).tolist():
            place = int(places[nth])
            items.append(
                SampleItem(
                    round=found,
                    record_id=int(rows.record[place]),
                    team_id=int(rows.team[place]),
                    stratum=name,
                    weight=int(rows.weight[place]),
                    chance=min(1.0, float(chances[nth])),
                )
            )
    SamplingStratum.objects.bulk_create(
        SamplingStratum(round=found, key=name, records=len(places), weight=total, drawn=count)
        for name, places, total, count in zip(names, strata, totals, counts, strict=True)
        if len(places)
    )
    SampleItem.objects.bulk_create(sorted(items, key=lambda item: item.record_id), batch_size=2_000)
    teams, sizes = np.unique(rows.team, return_counts=True)
    drawn, hits = np.unique(np.array([item.team_id for item in items]), return_counts=True)
    size_of = dict(zip(teams.tolist(), sizes.tolist(), strict=True))
    SamplingResult.objects.bulk_create(
        (
            SamplingResult(round=found, team_id=team, records=size_of[team], drawn=count)
            for team, count in zip(drawn.tolist(), hits.tolist(), strict=True)
        ),
        batch_size=2_000,
    )
    return len(items)


def check_item(*, item: SampleItem, verdict: str, note: str, by: Actor, now: datetime) -> SampleItem:
    """Say whether a drawn record is right, once; two who look at the same settle it in one statement. Wrong opens a finding.

    The finding is decided as any other: the volunteer replies first, and only who judges findings can void the hours.
    Raises Denied; Refused at "verdict" or "note"; "judged" when somebody was first, "state" when the round is not open.
    """
    if verdict not in Checked.values:
        raise Refused(_("请选择属实、不实或无法认定。"), code="verdict", field="verdict")
    note = note.strip()
    if verdict != Checked.RIGHT and not seen(note):
        raise Refused(_("请写明看到了什么、为什么这样认定。"), code="note", field="note")
    if len(note) > LONGEST_NOTE:
        raise Refused(_("最多 %(count)d 个字。") % {"count": LONGEST_NOTE}, code="long", field="note")
    with transaction.atomic():
        found = SampleItem.objects.select_related("round__division", "record__activity").get(pk=item.pk)
        if not perms.may_check(by, found):
            raise Denied(Permission.SPOT_CHECK, _("本人，以及记录、提交或核实过这条记录的人，不能认定。"))
        ROUND.target("close", found.round.state)
        # One statement settles it, and it is enough: a round closes only when nothing waits.
        done = SampleItem.objects.filter(pk=found.pk, verdict="").update(
            verdict=verdict, note=note, judged_at=now, judged_by_id=by.person_id
        )
        if not done:
            raise Refused(_("别人刚刚认定过这条记录。请看下一条。"), code="judged")
        found.refresh_from_db(fields=["verdict", "note", "judged_at", "judged_by"])
        audit.record("service_hours.check_item", f"sample:{found.pk}", by=by, verdict=verdict)
        if verdict == Checked.WRONG and found.record.state != RecordState.VOID:
            _open_finding(found, now)
    return found


def _open_finding(item: SampleItem, now: datetime) -> None:
    """By the rule of "hour-integrity" on spot checks, if the rules of the day of the service have one."""
    day = local_date(item.record.activity.starts_at)
    facts = {"spot_check_wrong": True}
    found = evaluate(judging.RULES, facts, on=day)
    held = rules.held(judging.RULES, day)
    for rule, answer in zip(found.rule_set.rules, found.rules, strict=True):
        if answer.verdict == "yes" and rule.when is not None and set(facts) & set(rule.when.names()):
            severity = str(answer.results["severity"])
            keep([judging.Found(item.record_id, rule.key, severity, facts, (), held.pk)], now=now)


def close_round(*, sampling_round: SamplingRound, by: Actor, now: datetime) -> SamplingRound:
    """Publish a round of which every record is judged: error rates with intervals, over all and by organisation.

    Raises Denied; Refused "unjudged" with how many wait, and "state".
    """
    with transaction.atomic():
        found = SamplingRound.objects.select_for_update(of=("self",)).select_related("division").get(pk=sampling_round.pk)
        if not by.has(Permission.SAMPLE, path=found.division.path):
            raise Denied(Permission.SAMPLE)
        found.state = ROUND.target("close", found.state)
        rows = list(SampleItem.objects.filter(round=found).values_list("team", "chance", "verdict"))
        waiting = sum(not verdict for _team, _chance, verdict in rows)
        if waiting:
            raise Refused(_("还有 %(count)d 条没有认定，全部认定后才能公布。") % {"count": waiting}, code="unjudged")
        limits = parameters(RISK, on=found.until)
        terms = {"fewest": limits["fewest_judged"], "most_untold": limits["most_untold"] / 100}
        _write(found, estimate([(chance, verdict) for _team, chance, verdict in rows], **terms))
        by_team: dict[int, list[tuple[float, str]]] = {}
        for team, chance, verdict in rows:
            by_team.setdefault(team, []).append((chance, verdict))
        results = list(SamplingResult.objects.filter(round=found))
        for result in results:
            _write(result, estimate(by_team[result.team_id], **terms))
        SamplingResult.objects.bulk_update(results, ["judged", "wrong", "rate", "low", "high"], batch_size=2_000)
        found.closed_at, found.closed_by_id = now, by.person_id
        found.save(update_fields=["state", "judged", "wrong", "rate", "low", "high", "closed_at", "closed_by"])
        audit.record("service_hours.close_round", _subject(found), by=by, judged=found.judged, wrong=found.wrong)
    return found


def _write(row: SamplingRound | SamplingResult, found: Estimate) -> None:
    row.judged, row.wrong, row.rate, row.low, row.high = found.judged, found.wrong, found.rate, found.low, found.high


ONE = timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def _subject(found: SamplingRound) -> str:
    return f"sampling_round:{found.pk}"
