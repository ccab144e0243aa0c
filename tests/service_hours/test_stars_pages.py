"""Stars on pages, through the API, and two officers who decide at once."""

from typing import Any

import pytest
from django.urls import reverse

from qunli.audit.models import Event
from qunli.service_hours import services
from qunli.service_hours.models import StarEntry, StarProposal
from qunli.service_hours.stars.keeping import keep_all
from tests.service_hours.conftest import World, at
from tests.service_hours.test_api import BASE, post, program
from tests.service_hours.test_pages import browser, text
from tests.service_hours.test_races import at_once, second
from tests.service_hours.test_stars import NIGHT, city_officer, give, granted, held, waiting


def test_the_officer_grants_what_is_ticked_and_refuses_one_with_a_reason(world: World, max_queries: Any) -> None:
    people = [world.volunteer(f"王小{which}", signed_up=False) for which in "一二三"]
    for person in people:
        give(world, person, 120)
    keep_all(now=NIGHT)
    officer = browser(world.officer)
    with max_queries(10):
        page = text(officer.get("/stars/"))
    assert page.count('name="proposal"') == 3
    assert "王小一" not in page  # masked in the list
    assert "上级批准文号" not in page
    keys = [waiting(person).pk for person in people]
    nothing = officer.post("/stars/decide/", {"verb": "grant"}, follow=True)
    assert "请先勾选" in text(nothing)
    done = officer.post("/stars/decide/", {"verb": "grant", "proposal": keys[:2]}, follow=True)
    assert "已评定 2 人" in text(done)
    assert [held(person) for person in people] == [1, 1, 0]
    one = f"/stars/{keys[2]}/"
    assert "王小三" in text(officer.get(one))
    assert Event.objects.filter(verb="look.service_hours.star", subject=f"person:{people[2].pk}").exists()
    wrong = officer.post(f"{one}decide/", {"verb": "refuse", "reason": " "})
    assert (wrong.status_code, "请写明原因" in text(wrong)) == (422, True)
    assert "不予评定" in text(officer.post(f"{one}decide/", {"verb": "refuse", "reason": "正在核查"}, follow=True))
    decided = text(officer.get("/stars/?which=decided"))
    assert decided.count("/stars/") >= 3
    me = browser(people[2])
    assert "正在核查" in text(me.get("/records/stars/"))


def test_the_volunteer_sees_the_star_what_it_rests_on_and_how_it_went(world: World, max_queries: Any) -> None:
    person, record = granted(world, 250)
    me = browser(person)
    assert "1 星级" in text(me.get("/records/"))
    with max_queries(10):
        mine = text(me.get("/records/stars/"))
    assert ("1 星级" in mine, "距下一星级" in mine, ">50<" in mine) == (True, True, True)
    proposal = StarProposal.objects.get(person=person)
    assert "为什么" in text(me.get(f"/stars/{proposal.pk}/"))
    assert me.get(reverse("rules:decision", args=[proposal.decision_id])).status_code == 200
    services.void(record=record, reason="没有到场", by=world.actor(world.officer), now=at(10, days=1))
    mine = text(me.get("/records/stars/"))
    assert ("冲销" in mine, "没有到场" in mine) == (True, True)
    assert "1 星级" not in text(me.get("/records/"))
    assert "已评定，后来撤回" in text(browser(world.officer).get("/stars/?which=decided"))


def test_the_city_enters_what_the_province_decided(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 1500)
    keep_all(now=NIGHT)
    city = browser(city_officer())
    assert "上级批准文号" in text(city.get("/stars/"))
    one = f"/stars/{waiting(person).pk}/decide/"
    wrong = city.post(one, {"verb": "grant"})
    assert (wrong.status_code, "请填写上级的批准文号" in text(wrong)) == (422, True)
    city.post(one, {"verb": "grant", "document": "川社发〔2026〕3号"})
    assert held(person) == 5


def test_who_may_not_decide_sees_nothing(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 120)
    keep_all(now=NIGHT)
    one = waiting(person).pk
    for who in (world.leader, world.worker, world.volunteer()):
        assert browser(who).get("/stars/").status_code == 403
        assert browser(who).get(f"/stars/{one}/").status_code == 404
        assert browser(who).post("/stars/decide/", {"verb": "grant", "proposal": one}).status_code == 403
        assert browser(who).post(f"/stars/{one}/decide/", {"verb": "grant"}).status_code == 404
    # The city sees what the districts decide, and leaves it to them.
    city = browser(city_officer())
    assert city.get(f"/stars/{one}/").status_code == 200
    assert city.post(f"/stars/{one}/decide/", {"verb": "grant"}).status_code == 403
    assert browser(person).post(f"/stars/{one}/decide/", {"verb": "grant"}).status_code == 403
    assert held(person) == 0


def test_programs(world: World) -> None:
    person = world.volunteer("王小明", signed_up=False)
    give(world, person, 120)
    keep_all(now=NIGHT)
    officer, me = program(world.officer, ("records:read", "stars:write")), program(person, ("records:read",))
    listed = officer.get(f"{BASE}/stars/proposals").json()["items"]
    assert [(one["level"], one["approval"], one["person"]) for one in listed] == [(1, "county", "王**")]
    assert officer.get(f"{BASE}/stars/proposals/{listed[0]['id']}").json()["person"] == "王小明"
    assert me.get(f"{BASE}/stars").json()["proposed"] == 1
    assert post(me, "/stars/proposals/decide", {"proposals": [listed[0]["id"]], "verb": "grant"}).status_code == 403
    done = post(officer, "/stars/proposals/decide", {"proposals": [listed[0]["id"], 999_999], "verb": "grant"}).json()
    assert done == {"done": [listed[0]["id"]], "refused": []}
    again = post(officer, "/stars/proposals/decide", {"proposals": [listed[0]["id"]], "verb": "grant"}).json()
    assert [one["code"] for one in again["refused"]] == ["state"]
    mine = me.get(f"{BASE}/stars").json()
    assert (mine["level"], mine["proposed"], mine["next_in"], [one["kind"] for one in mine["entries"]]) == (
        1,
        None,
        180,
        ["granted"],
    )
    assert me.get(f"{BASE}/totals").json()["stars"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_officers_decide_at_once(committed_world: World) -> None:
    """One grants and one refuses, or both grant: one wins, the other is told; there is one star at most."""
    world = committed_world
    other = second(world)
    for verb in ("grant", "refuse", "grant"):
        person = world.volunteer(signed_up=False)
        give(world, person, 120)
        keep_all(now=NIGHT)
        proposal = waiting(person)

        def decide(by: Any, verb: str, proposal: StarProposal = proposal) -> Any:
            actor = world.actor(by)
            if verb == "grant":
                done = services.grant_stars(proposals=[proposal], by=actor, now=NIGHT)
            else:
                done = services.refuse_stars(proposals=[proposal], reason="不行", by=actor, now=NIGHT)
            for _one, refused in done.refused:
                raise refused

        found = at_once(lambda: decide(world.officer, "grant"), lambda verb=verb: decide(other, verb))
        assert sorted(found) == ["", "state"]
        proposal.refresh_from_db()
        assert held(person) == (proposal.state == "granted")


@pytest.mark.django_db(transaction=True)
def test_a_grant_and_a_void_at_once(committed_world: World) -> None:
    """Whoever comes first: in the end there are no hours and no star."""
    world = committed_world
    other = world.actor(second(world))
    for _volley in range(4):
        person = world.volunteer(signed_up=False)
        record = give(world, person, 120)
        keep_all(now=NIGHT)
        proposal = waiting(person)

        def grant(proposal: StarProposal = proposal) -> None:
            for _one, refused in services.grant_stars(proposals=[proposal], by=other, now=NIGHT).refused:
                raise refused

        found = at_once(
            grant, lambda record=record: services.void(record=record, reason="没有到场", by=world.actor(world.officer), now=NIGHT)
        )
        assert (found[0] in ("", "state"), found[1]) == (True, "")
        assert held(person) == 0
        kinds = list(StarEntry.objects.filter(person=person).order_by("pk").values_list("kind", flat=True))
        assert kinds == ([] if found[0] else ["granted", "reversal"])


@pytest.mark.django_db(transaction=True)
def test_two_nights_at_once(committed_world: World) -> None:
    world = committed_world
    for _nth in range(3):
        give(world, world.volunteer(signed_up=False), 120)
    assert at_once(lambda: keep_all(now=NIGHT), lambda: keep_all(now=NIGHT)) == ["", ""]
    assert StarProposal.objects.count() == 3
