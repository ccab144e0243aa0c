"""What the verbs do beyond signing up: changing, cancelling, closing, teams, registration of minors, numbers."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from qunli.access.models import Posting
from qunli.access.selectors import actor_of
from qunli.divisions.models import Division
from qunli.divisions.selectors import ranges_of
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.notices.rendering import text_of
from qunli.notices.selectors import preference
from qunli.volunteering import numbers, selectors, services
from qunli.volunteering.models import Activity, Membership, SignUp, Team, Volunteer
from qunli.volunteering.services import ActivityValues, PostValues, RegistrationAnswers, TeamValues
from tests import factories as make
from tests.roles import person_of
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db


def actor(person: Any) -> Any:
    return actor_of(person, local_date(timezone.now()))


def posts_of(activity: Activity) -> list[PostValues]:
    return [PostValues(p.name, p.places, list(p.skills), p.pk) for p in activity.posts.order_by("id")]


def told(person: Any, template: str) -> Notice:
    return Notice.objects.get(person=person, template=f"volunteering/{template}")


class Stage:
    """A published activity of a team, its leader, and people signed up."""

    def __init__(self, places: int = 2) -> None:
        self.team = make.team()
        self.leader = make.leader(self.team).person
        self.by = actor(self.leader)
        self.activity = make.activity(self.team, person_in_charge=self.leader, starts_at=timezone.now() + timedelta(days=2))
        self.post = make.post(self.activity, places=places)
        self.now = timezone.now()

    def sign(self, **how: Any) -> Any:
        person = make.volunteer().person
        services.sign_up(post=self.post.pk, by=Self(person.pk), now=timezone.now(), **how)
        return person

    def change(self, **what: Any) -> None:
        from dataclasses import replace

        posts = what.pop("posts", None) or posts_of(self.activity)
        values = replace(ActivityValues.of(self.activity), **what)
        services.change_activity(activity=self.activity, values=values, posts=posts, reason="有变", by=self.by, now=timezone.now())

    def state(self, person: Any) -> str:
        return SignUp.objects.get(person=person, activity=self.activity).state


def test_a_change_of_time_moves_the_sign_ups_and_takes_off_who_would_overlap() -> None:
    stage = Stage(places=2)
    stays, overlaps = stage.sign(), stage.sign()
    waits = stage.sign(wait=True)
    later = stage.activity.starts_at + timedelta(days=1)
    other = make.post(make.activity(title="另一个", starts_at=later + timedelta(hours=1)))
    services.sign_up(post=other.pk, by=Self(overlaps.pk), now=stage.now)
    stage.change(starts_at=later, ends_at=later + timedelta(hours=2))
    assert [stage.state(p) for p in (stays, overlaps, waits)] == ["confirmed", "cancelled", "confirmed"]
    assert SignUp.objects.get(person=stays, activity=stage.activity).during.lower == later
    assert SignUp.objects.get(person=overlaps, activity=other.activity).state == "confirmed"
    notice = told(overlaps, "sign_up_in_the_way")
    assert "另一个" in text_of(notice, "zh-hans").body
    assert "另一个" in text_of(notice, "en").body
    told(stays, "activity_changed")
    told(waits, "sign_up_promoted")
    assert not Notice.objects.filter(person=overlaps, template="volunteering/activity_changed").exists()


def test_what_was_approved_stays() -> None:
    stage = Stage()
    with pytest.raises(Refused) as refused:
        stage.change(min_age=10)
    assert refused.value.field == "min_age"


def test_places_can_grow_and_not_shrink_below_those_taken() -> None:
    stage = Stage(places=1)
    stage.sign()
    waiting = stage.sign(wait=True)
    with pytest.raises(Refused):
        stage.change(posts=[PostValues(stage.post.name, 0, [], stage.post.pk)])
    with pytest.raises(Refused):
        stage.change(posts=[PostValues("别的", 3)])
    stage.change(posts=[PostValues(stage.post.name, 2, [], stage.post.pk), PostValues("新岗位", 3)])
    assert stage.state(waiting) == "confirmed"
    stage.activity.refresh_from_db()
    assert (stage.activity.places, stage.activity.taken) == (5, 2)


def test_calling_off_tells_everybody() -> None:
    stage = Stage(places=1)
    first, second = stage.sign(), stage.sign(wait=True)
    with pytest.raises(Denied):
        services.cancel_activity(activity=stage.activity, reason="雨", by=Self(first.pk), now=stage.now)
    assert services.cancel_activity(activity=stage.activity, reason="雨", by=stage.by, now=stage.now) == 2
    assert {stage.state(first), stage.state(second)} == {"cancelled"}
    told(first, "activity_cancelled")
    told(second, "activity_cancelled")
    stage.post.refresh_from_db()
    assert stage.post.taken == 0


def test_closing_marks_no_shows_and_a_correction_is_possible() -> None:
    stage = Stage(places=2)
    came, missed = stage.sign(), stage.sign()
    waited = stage.sign(wait=True)
    own = SignUp.objects.get(person=came)
    services.mark_attended(sign_up=own, by=stage.by, now=stage.now)
    with pytest.raises(Refused):
        services.close_activity(activity=stage.activity, by=stage.by, now=stage.now)
    end = stage.activity.ends_at
    assert services.close_ended(now=end + timedelta(hours=1)) == 0
    assert services.close_ended(now=end + timedelta(hours=3)) == 1
    assert services.close_ended(now=end + timedelta(hours=3)) == 0
    assert [stage.state(p) for p in (came, missed, waited)] == ["attended", "no_show", "cancelled"]
    told(missed, "no_show")
    services.mark_attended(sign_up=SignUp.objects.get(person=missed), by=stage.by, now=end)
    assert stage.state(missed) == "attended"
    stage.post.refresh_from_db()
    assert stage.post.taken == 2


def test_the_waiting_list_passes_over_who_has_something_else() -> None:
    stage = Stage(places=1)
    first = stage.sign()
    busy, free = stage.sign(wait=True), stage.sign(wait=True)
    other = make.post(make.activity(starts_at=stage.activity.starts_at))
    assert services.sign_up(post=other.pk, by=Self(busy.pk), now=stage.now).code == "confirmed"
    services.cancel_sign_up(sign_up=SignUp.objects.get(person=first), by=Self(first.pk), now=stage.now)
    assert [stage.state(p) for p in (first, busy, free)] == ["cancelled", "waiting", "confirmed"]
    with pytest.raises(Refused):
        services.cancel_sign_up(sign_up=SignUp.objects.get(person=free), by=Self(free.pk), now=stage.activity.starts_at)


def test_only_oneself_or_the_leader_cancels() -> None:
    stage = Stage()
    person = stage.sign()
    own = SignUp.objects.get(person=person)
    with pytest.raises(Denied):
        services.cancel_sign_up(sign_up=own, by=Self(make.person().pk), now=stage.now)
    services.cancel_sign_up(sign_up=own, by=stage.by, now=stage.now)
    told(person, "sign_up_cancelled")


def test_a_leader_signs_up_a_person_without_a_phone_and_nobody_else_does() -> None:
    stage = Stage()
    person = make.volunteer(make.person(phone=None)).person
    with pytest.raises(Denied):
        services.sign_up(post=stage.post.pk, by=Self(make.person().pk), now=stage.now, person=person.pk)
    assert services.sign_up(post=stage.post.pk, by=stage.by, now=stage.now, person=person.pk).code == "confirmed"


def test_a_copy_is_a_draft_of_a_later_week() -> None:
    stage = Stage()
    Activity.objects.filter(pk=stage.activity.pk).update(
        starts_at=stage.now - timedelta(days=20), ends_at=stage.now - timedelta(days=20) + timedelta(hours=2)
    )
    stage.activity.refresh_from_db()
    made = services.copy_activity(activity=stage.activity, by=stage.by, now=stage.now)
    assert made.state == "draft"
    assert stage.now < made.starts_at <= stage.now + timedelta(days=7)
    assert (made.starts_at - stage.activity.starts_at) % timedelta(weeks=1) == timedelta()
    assert made.posts.get().places == stage.post.places
    assert bytes(made.code_seed) != bytes(stage.activity.code_seed)


def test_nobody_approves_ones_own_and_the_level_above_is_asked() -> None:
    stage = Stage()
    services.cancel_activity(activity=stage.activity, reason="换", by=stage.by, now=stage.now)
    made = services.copy_activity(activity=stage.activity, by=stage.by, now=stage.now)
    services.submit_activity(activity=made, by=stage.by, now=stage.now)
    for level in (4, 3, 2, 1):
        place = next(d for d in _up(stage.team.division) if d.level == level)
        role = {4: "community_worker", 3: "street_officer", 2: "district_officer", 1: "city_officer"}[level]
        person = make.person(division=place)
        make.posting(person, role, place)
        if level == 4:
            with pytest.raises(Denied):
                services.approve_activity(activity=made, by=actor(person), now=stage.now)
    make.posting(stage.leader, "street_officer", next(d for d in _up(stage.team.division) if d.level == 3))
    with pytest.raises(Denied):
        services.approve_activity(activity=made, by=actor(stage.leader), now=stage.now)
    services.approve_activity(activity=made, by=actor(person), now=stage.now)
    assert made.state == "published"


def test_a_management_area_decides_on_the_teams_of_its_streets() -> None:
    area = next(d for d in Division.objects.filter(kind="management_area") if len(ranges_of(d, local_date(timezone.now()))) > 1)
    run = next(path for path in ranges_of(area, local_date(timezone.now())) if path != area.path and path.count("/") == 3)
    street = Division.objects.get(path=run)
    activity = make.activity(make.team(division=street, level="street"), state="submitted")
    make.post(activity)
    officer = make.person(division=area)
    make.posting(officer, "district_officer", area)
    assert [a.pk for a in selectors.activities_to_decide(actor=actor(officer)).items] == [activity.pk]
    own = make.person(division=street)
    make.posting(own, "street_officer", street)
    assert selectors.activities_to_decide(actor=actor(own)).items == []
    with pytest.raises(Denied):
        services.approve_activity(activity=activity, by=actor(own), now=timezone.now())
    services.approve_activity(activity=activity, by=actor(officer), now=timezone.now())
    assert activity.state == "published"


def _up(division: Any) -> list[Any]:
    found = [division]
    while found[-1].parent_id:
        found.append(found[-1].parent)
    return found


def test_the_last_leader_stays() -> None:
    stage = Stage()
    own = Membership.objects.get(team=stage.team, leader=True)
    with pytest.raises(Refused):
        services.leave(membership=own, by=stage.by, now=stage.now)
    member = make.volunteer()
    asked = services.join(team=stage.team, by=Self(member.person_id), now=stage.now)
    with pytest.raises(Refused):
        services.join(team=stage.team, by=Self(member.person_id), now=stage.now)
    with pytest.raises(Denied):
        services.approve_member(membership=asked, by=Self(member.person_id), now=stage.now)
    services.approve_member(membership=asked, by=stage.by, now=stage.now)
    services.make_leader(membership=asked, by=stage.by, now=stage.now)
    assert actor(member.person).has("volunteering.lead_team", unit=stage.team.unit)
    services.leave(membership=own, by=stage.by, now=stage.now)
    assert not actor(stage.leader).has("volunteering.lead_team", unit=stage.team.unit)
    assert Team.objects.get(pk=stage.team.pk).members == 1


def test_a_team_whose_founder_has_left_is_not_approved_until_the_founder_is_back() -> None:
    founder, officer = make.volunteer().person, make.person()
    team = make.team(state="applied", applicant=founder)
    Membership.objects.create(team=team, volunteer=founder.volunteer, leader=True, applied_at=timezone.now())
    make.posting(officer, "city_officer", team.division.parent.parent.parent)
    now, by = timezone.now(), actor(officer)
    services.leave(membership=Membership.objects.get(team=team), by=actor(founder), now=now)
    with pytest.raises(Refused) as refused:
        services.approve_team(team=team, by=by, now=now)
    assert refused.value.code == "no_leader"
    services.reject_team(team=team, reason="申请人已退出", by=by, now=now)
    values = TeamValues(name=team.name, level=team.level, sponsor=team.sponsor, division=team.division)
    services.apply_again(team=team, values=values, by=actor(founder), now=now)
    services.approve_team(team=team, by=by, now=now)
    assert actor(founder).has("volunteering.lead_team", unit=team.unit)


def test_ones_own_application_is_neither_listed_nor_counted_for_ones_decision() -> None:
    officer = make.volunteer().person
    team = make.team(state="applied", applicant=officer)
    make.posting(officer, "city_officer", team.division.parent.parent.parent)
    by = actor(officer)
    assert (selectors.teams_to_decide(actor=by).items, selectors.to_decide_counts(actor=by).teams) == ([], 0)
    Team.objects.filter(pk=team.pk).update(applicant=None)
    assert (selectors.teams_to_decide(actor=by).items, selectors.to_decide_counts(actor=by).teams) == ([team], 1)


def test_in_five_teams_one_volunteer() -> None:
    volunteer = make.volunteer()
    for _n in range(5):
        team = make.team()
        make.leader(team)
        services.join(team=team, by=Self(volunteer.person_id), now=timezone.now())
    Membership.objects.filter(volunteer=volunteer).update(state="active")
    assert len(selectors.my_memberships(actor=Self(volunteer.person_id))) == 5
    assert Volunteer.objects.filter(person=volunteer.person_id).count() == 1


def answers(**more: Any) -> RegistrationAnswers:
    fields: dict[str, Any] = {"division": make.division(), "consents": frozenset({"registration", "identity"})}
    return RegistrationAnswers(**fields | more)


def _with(by: Any, account: Any) -> Any:
    return actor_of(account, local_date(timezone.now()))


def test_an_identity_on_another_record_is_not_taken_over() -> None:
    number = make.id_number()
    make.person(id_number=number)
    account = make.account(make.person(id_number=None))
    with pytest.raises(Refused) as refused:
        services.register(
            account=account,
            answers=answers(name="王小明", id_number=number, phone="13912345555"),
            by=_with(None, account),
            now=timezone.now(),
        )
    assert (refused.value.code, refused.value.field) == ("registered", "id_number")


def test_an_account_goes_on_with_the_identity_that_was_proved() -> None:
    account = make.account(make.person(id_number=None, name="来电人", division=None))
    proved = answers(name="张三丰", id_number=make.id_number(), phone="13912340009")
    volunteer = services.register(account=account, answers=proved, by=_with(None, account), now=timezone.now())
    account.refresh_from_db()
    assert account.person_id == volunteer.person_id
    assert volunteer.person.name == "张三丰"


def test_a_new_volunteer_is_told_in_the_language_of_the_account() -> None:
    account = make.account(make.person(), language="en")
    volunteer = services.register(account=account, answers=answers(), by=_with(None, account), now=timezone.now())
    assert preference(volunteer.person_id).language == "en"


def test_deregistering_gives_back_and_registering_again_keeps_the_number() -> None:
    stage = Stage(places=1)
    account = make.account(make.person())
    volunteer = services.register(account=account, answers=answers(), by=_with(None, account), now=stage.now)
    assert Posting.objects.filter(person=account.person, role="volunteer", valid_to=None).count() == 1
    with pytest.raises(Refused) as refused:
        services.register(account=account, answers=answers(), by=_with(None, account), now=stage.now)
    assert refused.value.code == "registered"
    services.sign_up(post=stage.post.pk, by=Self(volunteer.person_id), now=stage.now)
    waiting = stage.sign(wait=True)
    services.deregister(volunteer=volunteer, by=_with(None, account), now=stage.now)
    assert stage.state(waiting) == "confirmed"
    assert not Posting.objects.filter(person=account.person, role="volunteer", valid_to=None).exists()
    again = services.register(account=account, answers=answers(), by=_with(None, account), now=stage.now)
    assert (again.pk, again.number, again.state) == (volunteer.pk, volunteer.number, "active")


def test_suspended_volunteers_cannot_sign_up_until_restored() -> None:
    volunteer = make.volunteer()
    worker = make.person(division=volunteer.division)
    make.posting(worker, "community_worker", volunteer.division)
    now, post = timezone.now(), make.post()
    with pytest.raises(Denied):
        services.suspend(volunteer=volunteer, reason="多次未到", by=Self(volunteer.person_id), now=now)
    services.suspend(volunteer=volunteer, reason="多次未到", by=actor(worker), now=now)
    assert services.sign_up(post=post.pk, by=Self(volunteer.person_id), now=now).code == "not_volunteer"
    services.restore(volunteer=volunteer, by=actor(worker), now=now)
    assert services.sign_up(post=post.pk, by=Self(volunteer.person_id), now=now).code == "confirmed"


def test_a_broken_off_registration_is_unreadable_in_the_database() -> None:
    from django.db import connection

    account = make.account()
    services.save_draft(account=account, step=2, answers={"identity": {"id_number": "510199199001010011"}})
    with connection.cursor() as cursor:
        cursor.execute("SELECT answers FROM volunteering_registrationdraft")
        assert b"510199" not in bytes(cursor.fetchone()[0])
    draft = selectors.draft_of(account=account)
    assert draft is not None
    assert draft.answers["identity"]["id_number"] == "510199199001010011"


@given(st.integers(1, numbers.SPACE - 1))
def test_numbers_are_valid_and_one_wrong_digit_is_found(key: int) -> None:
    number = numbers.make(key, "510100000000")
    assert numbers.is_valid(number)
    for place in range(14):
        wrong = number[:place] + str((int(number[place]) + 1 + key % 9) % 10) + number[place + 1 :]
        assert wrong == number or not numbers.is_valid(wrong)


@given(st.sets(st.integers(1, numbers.SPACE - 1), min_size=2, max_size=50))
def test_numbers_are_never_the_same_for_two(keys: set[int]) -> None:
    assert len({numbers.make(key, "510100000000") for key in keys}) == len(keys)


def test_system_closes_and_is_audited() -> None:
    stage = Stage()
    services.close_activity(activity=stage.activity, by=SYSTEM, now=stage.activity.ends_at)
    assert stage.activity.state == "closed"


def test_leaving_and_coming_back_lifts_no_suspension() -> None:
    place = make.division()
    volunteer = make.volunteer(make.person(division=place))
    account = make.account(volunteer.person)
    worker, _place = person_of("community_worker", place)
    assert worker.person is not None
    officer, now = actor_of(worker.person, date(2026, 3, 5)), timezone.now()
    services.suspend(volunteer=volunteer, reason="三次未到", by=officer, now=now)
    me = actor_of(account, date(2026, 3, 5))
    services.deregister(volunteer=volunteer, by=me, now=now)
    answers = RegistrationAnswers(division=place, consents=frozenset({"registration", "identity"}))
    again = services.register(account=account, answers=answers, by=me, now=now)
    assert (again.pk, again.state) == (volunteer.pk, "suspended")
    services.restore(volunteer=again, by=officer, now=now)
    services.deregister(volunteer=again, by=me, now=now)
    assert services.register(account=account, answers=answers, by=me, now=now).state == "active"


@pytest.mark.parametrize("letter", ["\u202e", "\u2067", "\n", "\x07", "\u2028"])
def test_names_and_titles_hold_nothing_unseen(letter: str) -> None:
    """A character that turns the direction makes a page or a paper say what nobody wrote."""
    team = make.team()
    leader = make.leader(team)
    values = ActivityValues.of(make.activity(team, person_in_charge=leader.person, starts_at=timezone.now() + timedelta(days=3)))
    by = actor_of(leader.person, date(2026, 3, 5))
    for change, field in [({"title": f"清洁{letter}日"}, "title"), ({"address": f"春熙路{letter}1号"}, "address")]:
        with pytest.raises(Refused) as refused:
            services.create_activity(
                team=team, values=replace(values, **change), posts=[PostValues("扫地", 5)], by=by, now=timezone.now()
            )
        assert refused.value.field == field
    with pytest.raises(Refused) as refused:
        services.create_activity(team=team, values=values, posts=[PostValues(f"扫{letter}地", 5)], by=by, now=timezone.now())
    assert refused.value.field == "posts"
    services.create_activity(
        team=team, values=replace(values, content="带手套。\n带水。"), posts=[PostValues("扫地", 5)], by=by, now=timezone.now()
    )


@pytest.mark.parametrize("few", [1, 500])
def test_a_name_that_many_have_is_paged_to_its_end(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "FEW", few)
    same = [make.volunteer(make.person(name=f"司马{letter}")) for letter in "甲乙丙丁戊"]
    make.volunteer(make.person(name="司空己"))
    officer = actor(person_of("city_officer")[0])
    found, cursor = [], None
    for _page in range(3):
        page = selectors.find_volunteers(words="司马", state="", actor=officer, cursor=cursor, size=2)
        found += page.items
        cursor = page.next
    assert ([one.pk for one in found], cursor) == ([one.pk for one in same], None)
