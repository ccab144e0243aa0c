"""Spot checks: planned, drawn, judged once, closed; what is wrong becomes a finding; what is public names no one."""

from datetime import date

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from qunli.audit.models import Event
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person
from qunli.service_hours import services
from qunli.service_hours.models import Finding, SampleItem, SamplingResult, SamplingRound, ServiceRecord
from qunli.service_hours.sampling.frame import FROM, frame
from qunli.service_hours.services import sampling
from tests import factories
from tests.cases.test_races import at_once
from tests.roles import client_of, person_of
from tests.service_hours.conftest import World, at

DAY = date(2026, 3, 5)
LATER = at(9, days=10)


def counted(world: World, count: int, **fields: object) -> list[ServiceRecord]:
    """Verified records of the activity, by code unless told otherwise."""
    values = {
        "state": "verified", "signed_in_at": at(9), "signed_out_at": at(11), "minutes": 120,
        "in_method": "code", "out_method": "code", "verified_by": world.worker,
    } | fields  # fmt: skip
    found = []
    for _ in range(count):
        person = factories.volunteer().person
        found.append(factories.record(factories.sign_up(person, world.post), **values))
    return found


def drawn(world: World, size: int) -> SamplingRound:
    planned = services.plan_round(
        division=world.team.division.parent.parent, since=DAY, until=DAY, size=size, by=world.actor(world.officer), now=LATER
    )
    services.draw_round(round_id=planned.pk, now=LATER)
    planned.refresh_from_db()
    return planned


def test_drawn_by_risk_once_and_again_the_same(world: World) -> None:
    plain = counted(world, 12)
    weak = counted(world, 4, in_method="leader", out_method="leader", recorded_by=world.leader)
    doubted = counted(world, 1)[0]
    factories.finding(doubted)
    counted(world, 1, state="submitted")
    found = drawn(world, 8)
    assert (found.state, found.records, found.organisations, found.drawn) == ("open", 17, 1, 8)
    assert services.draw_round(round_id=found.pk, now=LATER) == 0
    strata = {row.key: (row.records, row.weight) for row in found.strata.all()}
    # The class A and B records are of a small organisation (17 of 30), so they weigh 2 in the middle.
    assert strata == {"high": (1, 8), "middle": (16, 12 * 2 + 4 * 3)}
    items = {item.record_id: item for item in found.items.all()}
    assert items[doubted.pk].chance == 1
    assert set(items) <= {each.pk for each in [*plain, *weak, doubted]}
    middle = [item for item in items.values() if item.stratum == "middle"]
    assert {round(item.chance / item.weight, 9) for item in middle} == {round(len(middle) / 36, 9)}
    again = frame(path=found.division.path, since=at(0), before=at(0, days=1), on=DAY)
    assert again.digest() == bytes(found.frame_digest)


def test_nothing_to_draw(world: World) -> None:
    assert drawn(world, 8).state == "empty"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"until": date(2026, 3, 1)}, "period"),
        ({"until": date(2027, 1, 1)}, "future"),
        ({"since": date(2024, 1, 1)}, "long"),
        ({"size": 0}, "size"),
        ({"size": 5001}, "size"),
    ],
)
def test_refused(world: World, values: dict[str, object], code: str) -> None:
    usual = {"division": world.team.division, "since": DAY, "until": DAY, "size": 10}
    with pytest.raises(Refused) as refused:
        services.plan_round(**(usual | values), by=world.actor(world.officer), now=LATER)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_who_may_what(world: World) -> None:
    with pytest.raises(Denied):
        services.plan_round(division=world.team.division, since=DAY, until=DAY, size=1, by=world.actor(world.worker), now=LATER)
    record = counted(world, 1)[0]
    item = drawn(world, 5).items.get()
    for who in (world.worker, world.leader, record.person):
        with pytest.raises(Denied):
            services.check_item(item=item, verdict="right", note="", by=world.actor(who), now=LATER)
        assert not SampleItem.objects.visible_to(world.actor(who)).exists()
    ServiceRecord.objects.filter(pk=record.pk).update(verified_by=world.officer)
    with pytest.raises(Denied):
        services.check_item(item=item, verdict="right", note="", by=world.actor(world.officer), now=LATER)


def test_wrong_opens_a_finding_that_can_void(world: World) -> None:
    counted(world, 1)
    item = drawn(world, 5).items.get()
    officer = world.actor(world.officer)
    with pytest.raises(Refused) as refused:
        services.check_item(item=item, verdict="wrong", note=" \u200b", by=officer, now=LATER)
    assert (refused.value.code, refused.value.field) == ("note", "note")
    services.check_item(item=item, verdict="wrong", note="问了社区，当天没有活动", by=officer, now=LATER)
    finding = Finding.objects.get()
    assert (finding.record_id, finding.kind, finding.severity, finding.state) == (
        item.record_id,
        "spot-check",
        "suspicious",
        "open",
    )
    with pytest.raises(Refused) as second:
        services.check_item(item=item, verdict="right", note="", by=officer, now=LATER)
    assert second.value.code == "judged"
    services.uphold_finding(finding=finding, reason="没有答复", by=officer, now=at(9, days=60))
    item.record.refresh_from_db()
    assert item.record.state == "void"


def test_closed_when_all_is_judged_and_then_fixed(world: World) -> None:
    counted(world, 12)
    found, officer = drawn(world, 12), world.actor(world.officer)
    items = list(found.items.all())
    for item in items[:-1]:
        services.check_item(item=item, verdict="wrong" if item is items[0] else "right", note="查过", by=officer, now=LATER)
    with pytest.raises(Refused) as refused:
        services.close_round(sampling_round=found, by=officer, now=LATER)
    assert refused.value.code == "unjudged"
    services.check_item(item=items[-1], verdict="untold", note="联系不上", by=officer, now=LATER)
    found = services.close_round(sampling_round=found, by=officer, now=LATER)
    result = SamplingResult.objects.get()
    for row in (found, result):
        assert (row.judged, row.wrong) == (11, 1)
        assert row.rate == pytest.approx(1 / 11)
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.rate < row.high
    for change in ({"wrong": 0}, {"state": "open"}):
        with pytest.raises(Error), transaction.atomic():
            SamplingRound.objects.filter(pk=found.pk).update(**change)
    with pytest.raises(Error), transaction.atomic():
        SampleItem.objects.filter(pk=items[0].pk).update(verdict="right")
    # What this round found makes the organisation's next records weigh more.
    assert {row.key for row in drawn(world, 4).strata.all()} == {"high"}


def test_few_tell_nothing(world: World) -> None:
    counted(world, 3)
    found, officer = drawn(world, 3), world.actor(world.officer)
    for item in found.items.all():
        services.check_item(item=item, verdict="wrong", note="x", by=officer, now=LATER)
    found = services.close_round(sampling_round=found, by=officer, now=LATER)
    assert (found.judged, found.rate) == (3, None)
    page = Client().get(f"/verify/sampling/{found.pk}/").content.decode()
    assert "样本太少，看不出" in page


def test_the_plan_goes_from_days_to_records(world: World) -> None:
    """Never over all records: the condition starts at activities of the division and period, by their index."""
    counted(world, 2)
    values = {"within": world.team.division.path + "%", "since": at(0), "before": at(23), "states": ["verified"]}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT r.id " + FROM, values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "record_activity" in plan, plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_pages(world: World, language: str) -> None:
    counted(world, 2)

    def browser(who: Person) -> Client:
        return client_of(who.accounts.first() or factories.account(who), language=language)

    officer = browser(world.officer)
    form = {"division": world.team.division.code, "since": "2026-03-05", "until": "2026-03-05", "size": "5"}
    assert officer.get("/sampling/").status_code == 200
    assert officer.post("/sampling/", form | {"size": ""}).status_code == 422
    away = factories.division(district="510105000000").code
    assert officer.post("/sampling/", form | {"division": away}).status_code == 422
    assert officer.post("/sampling/", form).status_code == 302
    found = SamplingRound.objects.get()
    assert officer.get(f"/sampling/{found.pk}/").status_code == 200
    services.draw_round(round_id=found.pk, now=LATER)
    first, second = found.items.all()
    for who in (world.worker, world.leader):
        assert browser(who).get("/sampling/").status_code == 403
        assert browser(who).get(f"/sampling/items/{first.pk}/").status_code == 404
    supervisor, _place = person_of("supervisor")
    checker = client_of(supervisor, language=language)
    assert checker.get("/sampling/").status_code == 200
    assert checker.post("/sampling/", form).status_code == 403
    assert world.activity.title in checker.get(f"/sampling/{found.pk}/").content.decode()
    assert first.record.person.name in checker.get(f"/sampling/items/{first.pk}/").content.decode()
    assert Event.objects.filter(verb="look.service_hours.sample_item", subject=f"sample:{first.pk}").exists()
    assert checker.post(f"/sampling/items/{first.pk}/check/", {"verdict": "wrong"}).status_code == 422
    done = checker.post(f"/sampling/items/{first.pk}/check/", {"verdict": "right"})
    assert done["Location"] == f"/sampling/items/{second.pk}/"
    assert checker.post(f"/sampling/items/{first.pk}/check/", {"verdict": "right"}).status_code == 422
    assert checker.post(f"/sampling/{found.pk}/close/").status_code == 403
    assert officer.post(f"/sampling/{found.pk}/close/").status_code == 422
    assert Client().get(f"/verify/sampling/{found.pk}/").status_code == 404
    assert checker.post(f"/sampling/items/{second.pk}/check/", {"verdict": "right"})["Location"] == f"/sampling/{found.pk}/"
    assert officer.post(f"/sampling/{found.pk}/close/").status_code == 302
    assert officer.get(f"/sampling/{found.pk}/").status_code == 200
    page = Client(headers={"accept-language": language}).get(f"/verify/sampling/{found.pk}/").content.decode()
    assert world.team.name in page
    assert first.record.person.name not in page
    assert Client().get("/verify/sampling/").status_code == 200


def test_the_api(world: World) -> None:
    counted(world, 1)
    from tests.roles import api_client

    officer = api_client("district_officer")
    data = {"division": world.team.division.code, "since": "2026-03-05", "until": "2026-03-05", "size": 5}

    def post(url: str, values: dict[str, object]) -> object:
        return officer.post("/api/v1/service_hours" + url, values, content_type="application/json")

    assert post("/sampling", data | {"division": "999999999999"}).status_code == 409  # type: ignore[attr-defined]
    made = post("/sampling", data).json()  # type: ignore[attr-defined]
    services.draw_round(round_id=made["id"], now=LATER)
    work = officer.get(f"/api/v1/service_hours/sampling/{made['id']}/work").json()["items"]
    assert [(one["team"], one["minutes"]) for one in work] == [(world.team.name, 120)]
    url = f"/sampling/items/{work[0]['id']}"
    assert officer.get("/api/v1/service_hours" + url).json()["verdict"] == ""
    assert post(url + "/check", {"verdict": "no"}).status_code == 409  # type: ignore[attr-defined]
    assert post(url + "/check", {"verdict": "right"}).json()["verdict"] == "right"  # type: ignore[attr-defined]
    assert post(f"/sampling/{made['id']}/close", {}).json()["state"] == "closed"  # type: ignore[attr-defined]
    public = Client().get(f"/api/v1/service_hours/sampling/published/{made['id']}").json()
    assert (public["items"][0]["name"], public["items"][0]["rate"], public["items"][0]["wrong"]) == (world.team.name, None, None)
    assert len(Client().get("/api/v1/service_hours/sampling/published").json()["items"]) == 1


def test_reading_the_frame_in_blocks_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(world, 7)
    span = {"path": world.team.division.path, "since": at(0), "before": at(23), "on": DAY}
    whole = frame(**span)  # type: ignore[arg-type]
    monkeypatch.setattr("qunli.service_hours.sampling.frame.BLOCK", 3)
    parts = frame(**span)  # type: ignore[arg-type]
    assert len(whole) == 7
    assert whole.digest() == parts.digest()


@pytest.mark.django_db(transaction=True)
def test_two_judge_the_same_and_one_wins(committed_world: World) -> None:
    world = committed_world
    counted(world, 1)
    item = drawn(world, 1).items.get()
    supervisor = person_of("supervisor")[0].person
    assert supervisor is not None
    actors = [world.actor(world.officer), world.actor(supervisor)]
    results = at_once(
        [
            lambda a=actor, v=verdict: sampling.check_item(item=item, verdict=v, note="看过", by=a, now=LATER)
            for actor, verdict in zip(actors, ("right", "wrong"), strict=True)
        ]
    )
    losers = [each for each in results if isinstance(each, Refused)]
    assert [each.code for each in losers] == ["judged"], results
    item.refresh_from_db()
    assert item.verdict == ("right" if results[1] is losers[0] else "wrong")
    assert Finding.objects.count() == (item.verdict == "wrong")


def test_graded_in_columns_as_on_the_page(world: World) -> None:
    """Every mix of evidence, with what stands in rows of its own: the class in the frame is that of the record's page."""
    from qunli.service_hours.integrity.evidence import confidence_of
    from qunli.service_hours.models import LateStatement, Photo
    from qunli.service_hours.sampling import frame as module

    mixes = [
        {}, {"in_distance": 20}, {"in_method": "leader", "out_method": "leader", "recorded_by": world.leader},
        {"in_method": "place", "out_method": "place", "in_distance": 5000}, {"minutes": 400},
        {"in_method": "place", "out_method": "place", "in_distance": 10},
    ]  # fmt: skip
    records = [record for mix in mixes for record in counted(world, 2, **mix)]
    for number, record in enumerate(records[::2]):
        Photo.objects.create(
            record=record, activity=world.activity, sha256=bytes([number]) * 32, added_at=at(12), added_by=record.person
        )
        for way in ("in", "out"):
            LateStatement.objects.create(
                record=record, way=way, key=f"00000000-0000-4000-8000-{number:011d}{way == 'in':d}", stated_at=at(9),
                received_at=at(10), skew=0, sent_by=record.person,
            )  # fmt: skip
    span = {"path": world.team.division.path, "since": at(0), "before": at(23)}
    values = {"within": span["path"] + "%", "since": at(0), "before": at(23), "states": ["verified"]}  # type: ignore[operator]
    rows = next(module._blocks(values))
    graded = module._confidence(rows, module._richer(span), DAY)
    known = ServiceRecord.objects.select_related("activity").in_bulk(rows["record"].tolist())
    expected = [confidence_of(known[key]).grade for key in rows["record"].tolist()]  # type: ignore[union-attr]
    assert ["ABCD"[place] for place in graded.tolist()] == expected
    assert len(set(expected)) >= 3
