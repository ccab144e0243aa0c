"""The way of a case, step by step: who may, what it leads to, who is told."""

from datetime import date
from io import BytesIO
from pathlib import Path
from shutil import copytree
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError
from PIL import Image

from qunli.cases import selectors, services
from qunli.cases.models import Case, CaseEvent, Reply, Tally
from qunli.cases.services import Asked, Contact
from qunli.files.models import Attachment
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.rules import services as rules
from qunli.rules.selectors import forget
from tests import factories
from tests.cases.conftest import NOW, Place, later


def refused(code: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, check=lambda error: error.code == code)


def templates_of(person: int) -> list[str]:
    return list(Notice.objects.filter(person=person).order_by("id").values_list("template", flat=True))


def test_the_whole_way_with_its_events_and_notices(place: Place) -> None:
    case = place.ask()
    assert (case.state, case.due_on, case.owner_division) == ("received", date(2026, 3, 16), place.community)
    place.taken(case)
    services.contact(case=case, reached=True, by=place.actor(place.leader), now=later(hours=5))
    services.begin(case=case, by=place.actor(place.leader), now=later(hours=6))
    services.reply(case=case, text="药已送到。", channel="visit", by=place.actor(place.leader), now=later(days=1))
    services.rate(case=case, solved=True, satisfied=True, comment="谢谢", by=place.actor(place.resident), now=later(days=2))
    services.archive(case=case, by=place.actor(place.worker), now=later(days=3))
    assert case.state == "archived"
    verbs = list(case.events.order_by("id").values_list("verb", flat=True))
    assert verbs == ["receive", "dispatch", "take", "contact", "handle", "reply", "rate", "archive"]
    told = templates_of(place.resident.pk)
    assert told == ["cases/received", "cases/dispatched", "cases/taken", "cases/replied"]
    assert "cases/to_dispatch" in templates_of(place.worker.pk)
    assert templates_of(place.leader.pk) == ["cases/assigned", "cases/rated"]


def test_clocks_by_nature(place: Place) -> None:
    assert place.ask(matter="question").due_on == date(2026, 3, 10)
    assert place.ask(matter="noise").due_on == date(2026, 3, 26)


def test_a_departments_work_never_goes_below_the_district(place: Place) -> None:
    case = place.ask(matter="noise")
    assert case.desk.level == 2
    officer = place.actor(place.district)
    with pytest.raises(Denied):
        services.dispatch(case=case, to=[place.office], by=place.actor(place.worker), now=NOW)
    with refused("not_grassroots"):
        services.dispatch(case=case, to=[place.office], by=officer, now=NOW)
    with pytest.raises(IntegrityError, match="case_department_not_grassroots"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(owner_division=place.community)


def test_dispatch_stays_in_the_desks_division(place: Place) -> None:
    far = factories.division(district=factories.OTHER_DISTRICT)
    with refused("range"):
        services.dispatch(case=place.ask(), to=[services.Unit(far.pk, "", far.name)], by=place.actor(place.worker), now=NOW)


def test_emergencies_are_told_to_call(place: Place) -> None:
    with refused("emergency") as told:
        place.ask(text="楼下着火了，快来人")
    assert told.value.facts["number"] == "119"
    assert place.ask(text="想了解着火了怎么逃生", no_emergency=True).state == "received"


def test_not_accepted_says_why(place: Place) -> None:
    case = place.ask()
    with refused("reason"):
        services.refuse(case=case, reason="no-such", by=place.actor(place.worker), now=NOW)
    services.refuse(case=case, reason="litigation", note="请向法院查询", by=place.actor(place.worker), now=NOW)
    assert case.state == "not_accepted"
    assert "诉讼" in case.state_reason
    assert "cases/not_accepted" in templates_of(place.resident.pk)


def test_given_back_goes_to_the_desk_and_the_second_dispute_to_the_level_above(place: Place) -> None:
    case = place.taken()
    services.give_back(case=case, reason="不会修水管", by=place.actor(place.leader), now=NOW)
    assert (case.state, case.desk, case.owner_unit, case.returns) == ("returned", place.community, "", 1)
    services.dispatch(case=case, to=[place.unit(place.other)], by=place.actor(place.worker), now=NOW)
    services.give_back(case=case, reason="也不会修", by=place.actor(place.rival), now=NOW)
    assert case.desk.level == 3
    assert "cases/returned" in templates_of(place.street.pk)
    with pytest.raises(Denied):
        services.dispatch(case=case, to=[place.unit()], by=place.actor(place.worker), now=NOW)
    services.dispatch(case=case, to=[place.unit()], by=place.actor(place.street), now=NOW)
    assert case.state == "dispatched"


def test_offered_to_two_both_decline(place: Place) -> None:
    case = place.ask()
    services.dispatch(case=case, to=[place.unit(), place.unit(place.other)], by=place.actor(place.worker), now=NOW)
    services.decline(case=case, unit=place.unit(), reason="没有时间", by=place.actor(place.leader), now=NOW)
    assert case.state == "dispatched"
    services.decline(case=case, unit=place.unit(place.other), reason="没有人手", by=place.actor(place.rival), now=NOW)
    assert case.state == "returned"


def test_the_second_taker_is_told_who_has_it(place: Place) -> None:
    case = place.ask()
    services.dispatch(case=case, to=[place.unit(), place.unit(place.other)], by=place.actor(place.worker), now=NOW)
    services.take(case=case, unit=place.unit(), by=place.actor(place.leader), now=NOW)
    with refused("taken") as told:
        services.take(case=case, unit=place.unit(place.other), by=place.actor(place.rival), now=NOW)
    assert place.team.name in str(told.value.message)
    assert "cases/taken_by_another" in templates_of(place.rival.pk)
    with refused("already"):
        services.take(case=case, unit=place.unit(), by=place.actor(place.leader), now=NOW)
    with pytest.raises(Denied):
        services.take(case=case, unit=place.unit(), by=place.actor(place.rival), now=NOW)


def test_extension_once_with_a_reason(place: Place) -> None:
    case = place.taken()
    worker = place.actor(place.worker)
    with refused("days"):
        services.extend(case=case, days=8, reason="需要等配件", by=worker, now=NOW)
    services.extend(case=case, days=5, reason="需要等配件", by=worker, now=NOW)
    assert case.due_on == date(2026, 3, 23)
    with refused("extended"):
        services.extend(case=case, days=1, reason="再等等", by=worker, now=NOW)


def test_joint_handling_answers_when_all_have_reported(place: Place) -> None:
    case = place.ask()
    services.dispatch(case=case, to=[place.unit()], assist=[place.unit(place.other)], by=place.actor(place.worker), now=NOW)
    leader, helper = place.actor(place.leader), place.actor(place.rival)
    assert case in Case.objects.visible_to(helper)
    services.take(case=case, unit=place.unit(), by=leader, now=NOW)
    with refused("assist_open"):
        services.reply(case=case, text="办好了。", channel="phone", by=leader, now=NOW)
    with pytest.raises(Denied):
        services.reply(case=case, text="办好了。", channel="phone", by=helper, now=NOW)
    services.report(case=case, unit=place.unit(place.other), note="材料已备齐", by=helper, now=NOW)
    services.reply(case=case, text="办好了。", channel="phone", by=leader, now=NOW)
    assert case.state == "replied"


def test_no_closure_without_rating_or_three_failed_contacts(place: Place) -> None:
    case = place.replied()
    worker = place.actor(place.worker)
    with refused("state"):
        services.archive(case=place.taken(), by=worker, now=NOW)
    for hours in (0, 4):
        services.visit_back(case=case, reached=False, by=worker, now=later(hours=hours))
    with refused("state"):
        services.archive(case=case, by=worker, now=later(hours=4))
    services.visit_back(case=case, reached=False, by=worker, now=later(days=1))
    services.archive(case=case, by=worker, now=later(days=1))
    assert (case.state, case.rated_at, case.failed_contacts) == ("archived", None, 3)


def test_failed_contacts_in_a_row_are_one(place: Place) -> None:
    """Four hours apart, and the third on another day (`case-follow-up`, design 5)."""
    case, worker = place.replied(), place.actor(place.worker)
    services.visit_back(case=case, reached=False, by=worker, now=NOW)
    for minutes in (0, 1, 239):
        with refused("too_soon") as told:
            services.visit_back(case=case, reached=False, by=worker, now=later(minutes=minutes))
    assert (told.value.field, "03-05 13:00" in str(told.value.message)) == ("reached", True)
    services.visit_back(case=case, reached=False, by=worker, now=later(hours=4))
    with refused("too_soon") as told:
        services.visit_back(case=case, reached=False, by=worker, now=later(hours=14, minutes=59))
    assert "03-06 00:00" in str(told.value.message)
    services.visit_back(case=case, reached=False, by=worker, now=later(hours=15))
    assert (case.state, case.failed_contacts) == ("visited_back", 3)


def test_the_database_counts_no_contacts_that_lie_too_close_together(place: Place) -> None:
    case = place.replied()
    Case.objects.filter(pk=case.pk).update(
        state="visited_back", failed_contacts=3, failed_first_at=NOW, failed_last_at=later(minutes=1)
    )
    with pytest.raises(DatabaseError, match="lie too close together"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(state="archived")


def test_visit_back_takes_the_rating_down(place: Place) -> None:
    case = place.replied()
    with refused("rating"):
        services.visit_back(case=case, reached=True, by=place.actor(place.worker), now=NOW)
    services.visit_back(case=case, reached=True, solved=True, satisfied=False, by=place.actor(place.worker), now=NOW)
    assert (case.state, case.solved, case.satisfied) == ("rated", True, False)


def test_unsolved_is_opened_again_with_a_new_clock(place: Place) -> None:
    case = place.replied()
    me = place.actor(place.resident)
    with pytest.raises(Denied):
        services.rate(case=case, solved=False, satisfied=False, by=place.actor(place.leader), now=NOW)
    services.rate(case=case, solved=False, satisfied=False, comment="药不对", again=True, by=me, now=later(days=4))
    assert (case.state, case.round, case.reply, case.rated_at, case.owner_unit) == ("reopened", 1, None, None, "")
    assert case.due_on == date(2026, 3, 18)
    assert case.events.get(verb="reply").reply is not None, "the first answer stays in the history"
    place.taken(case)
    services.reply(case=case, text="换了药。", channel="visit", by=place.actor(place.leader), now=later(days=5))
    services.rate(case=case, solved=True, satisfied=True, by=me, now=later(days=6))
    with refused("satisfied"):
        services.reopen(case=case, reason="再来一次", by=me, now=later(days=6))


def test_urged_once_a_day_and_supervised_from_above(place: Place) -> None:
    case = place.taken()
    me = place.actor(place.resident)
    services.urge(case=case, by=me, now=NOW)
    with refused("urged"):
        services.urge(case=case, by=me, now=later(hours=23))
    assert (case.pressure, case.urges) == ("urged", 1)
    assert "cases/urged" in templates_of(place.leader.pk)
    with pytest.raises(Denied):
        services.supervise(case=case, note="请三天内办结", by=place.actor(place.leader), now=NOW)
    services.supervise(case=case, note="请三天内办结", by=place.actor(place.street), now=NOW)
    assert case.pressure == "supervised"


def test_the_clock_presses_step_by_step_and_once(place: Place) -> None:
    case = place.taken()
    steps = []
    for day in range(8, 25):
        services.press(now=later(days=day))
        case.refresh_from_db()
        steps.append(case.pressure)
    assert [steps.index(word) + 8 for word in ("overdue", "urged", "supervised")] == [12, 13, 15]
    assert services.press(now=later(days=30)) == 0
    assert "cases/overdue_below" in templates_of(place.street.pk)
    services.reply(case=case, text="药已送到。", channel="visit", by=place.actor(place.leader), now=later(days=30))
    assert case.pressure == "calm"


def test_tidy_archives_what_is_settled(place: Place) -> None:
    good, bad, waiting = place.replied(), place.replied(), place.replied()
    me = place.actor(place.resident)
    services.rate(case=good, solved=True, satisfied=True, by=me, now=NOW)
    services.rate(case=bad, solved=False, satisfied=False, by=me, now=NOW)
    assert services.tidy(now=later(days=8)) == 1
    assert services.tidy(now=later(days=20)) == 1
    for case in (good, bad, waiting):
        case.refresh_from_db()
    assert (good.state, bad.state, waiting.state) == ("archived", "archived", "replied")


def test_merging_repeats_and_taking_one_out_again(place: Place) -> None:
    neighbour = factories.person(division=place.community)
    lead = place.ask(title="楼道灯坏了", text="三单元二楼楼道灯坏了，晚上看不见。", place="水井坊1号3单元")
    again = place.ask(title="灯坏了", text="三单元二楼的楼道灯坏了。", place="水井坊1号3单元", requester=neighbour)
    other = place.ask(title="想学剪纸", text="社区有没有剪纸班？")
    worker = place.actor(place.worker)
    assert [found.case for found in selectors.likely_repeats(lead, worker)] == [again]
    services.merge(lead=lead, others=[again], by=worker, now=NOW)
    again.refresh_from_db()
    assert (again.state, again.lead) == ("merged", lead)
    with refused("lead"):
        services.merge(lead=again, others=[other], by=worker, now=NOW)
    services.dispatch(case=lead, to=[place.unit()], by=worker, now=NOW)
    services.take(case=lead, unit=place.unit(), by=place.actor(place.leader), now=NOW)
    services.reply(case=lead, text="灯已换好。", channel="message", by=place.actor(place.leader), now=NOW)
    assert "cases/replied" in templates_of(neighbour.pk), "who asked the same hears of the answer"
    services.split_off(case=again, reason="是另一个单元", by=worker, now=NOW)
    assert (again.state, again.lead) == ("received", None)
    services.merge(lead=again, others=[other], by=worker, now=NOW)
    with pytest.raises(DatabaseError, match="a lead case is itself no repeat"), transaction.atomic():
        Case.objects.filter(pk=again.pk).update(state="merged", lead=lead)


def test_merging_a_lead_moves_its_repeats(place: Place) -> None:
    first, second, third = place.ask(), place.ask(), place.ask()
    worker = place.actor(place.worker)
    services.merge(lead=second, others=[third], by=worker, now=NOW)
    services.merge(lead=first, others=[second], by=worker, now=NOW)
    assert set(first.repeats.values_list("pk", flat=True)) == {second.pk, third.pk}


def test_splitting_gives_each_thing_a_case_of_its_own(place: Place) -> None:
    case = place.ask()
    part = Asked("question", place.community, "问医保报销", "取的药能报销吗？")
    (made,) = services.split(case=case, parts=[part], by=place.actor(place.worker), now=NOW)
    made.refresh_from_db()
    assert (made.requester, made.split_from, made.state) == (place.resident, case, "received")


def test_asked_for_somebody_without_a_record(place: Place) -> None:
    asked = Asked("errand", place.community, "帮忙取药", "张奶奶要取药。")
    with pytest.raises(Denied):
        services.receive(kind="test", asked=asked, contact=Contact("张奶奶"), by=place.actor(place.resident), now=NOW)
    worker = place.actor(place.worker)
    case = services.receive(kind="test", asked=asked, contact=Contact("张奶奶", "13900001234"), by=worker, now=NOW)
    case.refresh_from_db()
    assert (case.contact_name, case.contact_phone, case.entered_by) == ("张奶奶", "+8613900001234", place.worker)


def test_nobody_handles_the_own_request(place: Place) -> None:
    case = place.ask(requester=place.leader)
    services.dispatch(case=case, to=[place.unit()], by=place.actor(place.worker), now=NOW)
    with refused("own"):
        services.take(case=case, unit=place.unit(), by=place.actor(place.leader), now=NOW)
    case.refresh_from_db()
    assert case.state == "dispatched"


def test_contact_is_seen_by_the_desk_and_by_the_team_that_took_it(place: Place) -> None:
    from qunli.cases.perms import may_see_contact

    case = place.ask()
    services.dispatch(case=case, to=[place.unit(), place.unit(place.other)], by=place.actor(place.worker), now=NOW)
    assert not may_see_contact(place.actor(place.leader), case)
    services.take(case=case, unit=place.unit(), by=place.actor(place.leader), now=NOW)
    case = Case.objects.with_places().get(pk=case.pk)
    seen = [may_see_contact(place.actor(who), case) for who in (place.leader, place.rival, place.worker, place.resident)]
    assert seen == [True, False, True, True]
    assert case not in Case.objects.visible_to(place.actor(place.rival)), "who lost the race sees it no more"


def test_the_three_rates_are_kept(place: Place) -> None:
    good, late, plain = place.replied(), place.taken(), place.ask()
    services.rate(case=good, solved=True, satisfied=False, by=place.actor(place.resident), now=NOW)
    services.reply(case=late, text="迟到的答复。", channel="phone", by=place.actor(place.leader), now=later(days=3))
    services.merge(lead=late.__class__.objects.get(pk=plain.pk), others=[place.ask()], by=place.actor(place.worker), now=NOW)
    whole, below = selectors.rates(
        actor=place.actor(place.street), division=factories.division(3), since=date(2026, 3, 1), until=date(2026, 3, 31)
    )
    assert [(part, of) for _name, part, of, _rate in whole.rates] == [(1, 2), (1, 1), (0, 1)]
    assert (whole.received, whole.repeats) == (4, 1)
    assert sum(line.received for line in below) == 4
    assert selectors.most_repeated(actor=place.actor(place.street), division=place.community)[0].pk == plain.pk
    Tally.objects.filter(division=place.community).update(solved=7)
    from qunli.cases.checking import check_cases

    assert any("tally" in line for line in check_cases(date(2026, 3, 5)).errors)


def test_erasing_a_person_ends_what_is_open_and_empties_the_rest(place: Place) -> None:
    from qunli.people.services import erase

    opened, closed = place.ask(), place.replied()
    erase(person=place.resident, by=SYSTEM, now=NOW)
    opened.refresh_from_db()
    closed.refresh_from_db()
    assert opened.state == "withdrawn"
    assert closed.text is None
    assert closed.reply is not None
    assert "药" not in Reply.objects.get(pk=closed.reply_id).text


def test_events_are_append_only(place: Place) -> None:
    place.ask()
    with pytest.raises(DatabaseError), transaction.atomic():
        CaseEvent.objects.update(note="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        CaseEvent.objects.all().delete()


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"due_on": None}, "due_on"),
        ({"owner_division": None}, "owner_level"),
        ({"state": "replied"}, "case_answered_with_reply"),
        ({"solved": True}, "case_rating_whole"),
        ({"state": "merged"}, "case_merged_has_lead"),
    ],
)
def test_the_database_refuses(place: Place, values: dict[str, object], constraint: str) -> None:
    case = place.taken()
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**values)


def test_the_database_refuses_to_close_too_early(place: Place) -> None:
    case = place.replied()
    services.visit_back(case=case, reached=False, by=place.actor(place.worker), now=NOW)
    Case.objects.filter(pk=case.pk).update(state="visited_back")
    with pytest.raises(DatabaseError, match="case_closed_after_survey"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(state="archived")


@pytest.mark.parametrize("text", ["\u200b\u200b", "\x01\x02\x03", "\u2060 \ufeff"])
def test_what_nobody_sees_is_neither_answer_nor_reason(place: Place, text: str) -> None:
    case, leader = place.taken(), place.actor(place.leader)
    with pytest.raises(Refused) as refused:
        services.reply(case=case, text=text, channel="phone", by=leader, now=NOW)
    assert refused.value.field == "text"
    with pytest.raises(Refused) as refused:
        services.give_back(case=case, reason=text, by=leader, now=NOW)
    assert refused.value.field == "reason"


def picture(name: str = "灯.png") -> SimpleUploadedFile:
    drawn = BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "PNG")
    return SimpleUploadedFile(name, drawn.getvalue(), "image/png")


def test_files_of_a_case_have_a_cap(place: Place) -> None:
    """`case-follow-up`, design 6: ten of one person, thirty of all."""
    case = place.taken()
    me, worker = place.actor(place.resident), place.actor(place.worker)
    for _n in range(10):
        services.attach(case=case, file=picture(), by=me, now=NOW)
    with refused("most") as told:
        services.attach(case=case, file=picture(), by=me, now=NOW)
    assert (told.value.field, "10" in str(told.value.message)) == ("file", True)
    subject = f"case:{case.pk}"
    first = Attachment.objects.filter(subject=subject).values("name", "content_type", "size", "sha256", "subject")[0]
    Attachment.objects.bulk_create(Attachment(key=uuid4(), owner=place.leader, **first) for _n in range(19))
    services.attach(case=case, file=picture(), by=worker, now=NOW)
    with refused("most") as told:
        services.attach(case=case, file=picture(), by=worker, now=NOW)
    assert ("30" in str(told.value.message), Attachment.objects.filter(subject=subject).count()) == (True, 30)
    with pytest.raises(Denied):
        services.attach(case=case, file=picture(), by=place.actor(place.rival), now=NOW)


def test_a_case_keeps_the_rules_of_its_day(place: Place, tmp_path: Path) -> None:
    """A new version shortens requests to 5 days from 2026-03-10: what was received before keeps 7, and its extension too."""
    old, again = place.taken(), place.replied()
    assert (
        selectors.deadline_of(old, selectors.events_of(old)).due_on,
        selectors.deadline_of(old, selectors.events_of(old)).days,
    ) == (old.promised_on, 7)
    copytree(settings.ROOT / "rulesets", tmp_path / "rulesets")
    file = tmp_path / "rulesets" / "default" / "case-clocks-2025.toml"
    text = file.read_text("utf-8")
    since = "effective_from = 2025-12-01"
    file.write_text(text.replace(since, f"{since}\neffective_to = 2026-03-10"), "utf-8")
    newer = text.replace(since, "effective_from = 2026-03-10").replace("reply_days = 7", "reply_days = 5")
    (file.parent / "case-clocks-2026.toml").write_text(newer.replace("extension_days = 7", "extension_days = 2"), "utf-8")
    assert not rules.load(tmp_path / "rulesets", by=SYSTEM, now=NOW).mistakes
    try:
        worker, days = place.actor(place.worker), later(days=5)
        new = place.ask(days)
        assert (new.due_on, selectors.deadline_of(new, selectors.events_of(new)).days) == (date(2026, 3, 17), 5)
        with refused("days"):
            services.extend(case=place.taken(new, days), days=3, reason="需要等配件", by=worker, now=days)
        services.extend(case=old, days=3, reason="需要等配件", by=worker, now=days)
        assert (old.due_on, selectors.deadline_of(old, selectors.events_of(old)).due_on) == (date(2026, 3, 19), date(2026, 3, 19))
        services.rate(case=again, solved=False, satisfied=False, again=True, by=place.actor(place.resident), now=days)
        assert (selectors.deadline_of(again, selectors.events_of(again)).days, again.promised_on) == (5, date(2026, 3, 17)), (
            "opened again: a new clock"
        )
        assert old.clocks != again.clocks == new.clocks
    finally:
        forget()
