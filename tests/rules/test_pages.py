"""Pages and API: what is read, compared and tried; whose record is looked at, and that it is recorded."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from qunli.audit.models import Event
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Refused
from qunli.people import services as people
from qunli.rules import selectors, services
from qunli.rules.models import Decision
from tests import factories
from tests.rules.test_reading import RULES, folder_with

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 5)


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_everyone_reads_what_is_public_and_staff_all(as_role: Any) -> None:
    resident, officer = as_role("resident"), as_role("district_officer")
    assert "志愿者星级" in text_of(resident.get("/rules/"))
    assert "时长真实性检查" not in text_of(resident.get("/rules/"))
    assert resident.get("/rules/hour-integrity/").status_code == 404
    assert resident.get("/rules/hour-integrity/try").status_code == 404
    assert "时长真实性检查" in text_of(officer.get("/rules/"))
    assert officer.get("/rules/no-such-rules/").status_code == 404
    for version in ("99999999999999999999", "²", "-1"):
        assert officer.get("/rules/volunteer-stars/", {"version": version}).status_code == 404
    assert resident.post("/rules/volunteer-stars/try", {"person": "²"}).status_code == 404


def test_a_rule_set_reads_as_sentences(as_role: Any) -> None:
    officer = as_role("city_officer")
    page = text_of(officer.get("/rules/post-eligibility/"))
    for words in (
        "《志愿服务条例》第十六条",
        "符合其中一项：",
        "活动当天的年龄达到18 岁（成年年龄）",
        "本人持有的资格包含岗位要求的资格",
    ):
        assert words in page
    english = text_of(as_role("city_officer", language="en").get("/rules/service-counts/"))
    for words in ("Regulations, Article 25", "All of these:", "at most costs borne by the person × 1.5 times"):
        assert words in english


def test_every_rule_set_and_language_has_a_page(as_role: Any, max_queries: Any) -> None:
    for language in ("zh-hans", "en"):
        officer = as_role("city_officer", language=language)
        for held in selectors.listed(SYSTEM, DAY):
            with max_queries(10):
                assert officer.get(f"/rules/{held.rule_set.key}/").status_code == 200
            assert officer.get(f"/rules/{held.rule_set.key}/try").status_code == 200


def test_versions_side_by_side(as_role: Any, tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    services.load(folder, by=SYSTEM, now=timezone.now())
    changed = RULES.replace("value = 18", "value = 21").replace('key = "rest"', 'key = "others"')
    services.load(folder_with(tmp_path, changed), by=SYSTEM, now=timezone.now())
    officer = as_role("city_officer")
    page = text_of(officer.get("/rules/sample/compare"))
    for words in ("改动", "新增", "删除", "18", "21"):
        assert words in page
    old = selectors.history(SYSTEM, "sample")[-1]
    assert "没有差别" in text_of(officer.get("/rules/sample/compare", {"old": old.pk, "new": old.pk}))
    assert "这不是现在生效的版本" in text_of(officer.get("/rules/sample/", {"version": old.pk}))
    selectors.forget()


def test_what_if_asks_for_what_is_missing(as_role: Any) -> None:
    resident = as_role("resident")
    before = Event.objects.count()
    page = text_of(resident.post("/rules/volunteer-stars/try", {"step": "try", "on": "2026-03-05"}))
    assert "还不能判断" in page
    assert "已核实的服务时长累计多少分钟？" in page
    page = text_of(
        resident.post("/rules/volunteer-stars/try", {"step": "try", "on": "2026-03-05", "fact_verified_minutes": "60000"})
    )
    assert "四星级" in page
    assert "500 小时" in page
    wrong = resident.post("/rules/volunteer-stars/try", {"step": "try", "on": "2026-03-05", "fact_verified_minutes": "-1"})
    assert wrong.status_code == 422
    assert "要在 0 与" in text_of(wrong)
    assert Event.objects.count() == before


def test_a_set_and_choices_are_tried_by_hand(as_role: Any) -> None:
    officer = as_role("street_officer")
    facts = {
        "fact_age": 30, "fact_post_min_age": 18, "fact_post_max_age": 60, "fact_licences": ["nurse", "driver"],
        "fact_post_licences": ["nurse"], "fact_post_needs_training": "no", "fact_danger": "yes", "fact_insured": "yes",
        "fact_risks_told": "yes",
    }  # fmt: skip
    page = text_of(officer.post("/rules/post-eligibility/try", {"step": "try", "on": "2026-03-05", **facts}))
    assert "符合全部条件" in page
    page = text_of(
        officer.post("/rules/post-eligibility/try", {"step": "try", "on": "2026-03-05", **facts, "fact_licences": ["-"]})
    )
    assert "（实际：无；护士执业证）" in page


def test_on_a_person_the_look_is_recorded(as_role: Any) -> None:
    officer = as_role("district_officer", "510104000000")
    someone = factories.person(birth_date=date(2012, 1, 1), name="李小小")
    found = text_of(officer.post("/rules/post-eligibility/try", {"step": "find", "words": "李小小"}))
    assert f'value="{someone.pk}"' in found
    assert "李小小" not in found.replace('value="李小小"', "")
    page = text_of(officer.post("/rules/post-eligibility/try", {"step": "person", "person": someone.pk}))
    assert 'name="fact_age" value="14"' in page
    event = Event.objects.get(verb="look.rules.facts")
    assert (event.subject, event.facts["facts"]) == (f"person:{someone.pk}", ["age", "guardian_consent", "own_income"])


def test_not_on_people_out_of_reach(as_role: Any) -> None:
    officer = as_role("district_officer", "510104000000")
    away = factories.person(division=factories.division(district=factories.OTHER_DISTRICT))
    assert officer.post("/rules/post-eligibility/try", {"step": "person", "person": away.pk}).status_code == 404
    resident = as_role("resident")
    someone = factories.person()
    assert resident.post("/rules/post-eligibility/try", {"step": "person", "person": someone.pk}).status_code == 404
    assert "查找" not in text_of(resident.get("/rules/post-eligibility/try")).split("<main")[1]
    assert not Event.objects.filter(verb="look.rules.facts").exists()
    own = resident.post("/rules/post-eligibility/try", {"step": "person", "person": resident.person.pk})
    assert own.status_code == 200
    assert Event.objects.filter(verb="look.rules.facts").count() == 1


def decided(person: Any, minutes: int = 36_000) -> Decision:
    return services.decide(
        key="volunteer-stars", facts={"verified_minutes": minutes}, subject=f"person:{person.pk}", person=person,
        division=person.division, on=DAY, by=SYSTEM, now=timezone.now(),
    )  # fmt: skip


def test_a_decision_is_replayed_under_its_own_version(as_role: Any) -> None:
    someone = factories.person()
    decision = decided(someone)
    decision.refresh_from_db()
    replay = services.replay(decision)
    assert replay.same
    assert replay.answer.results["stars"] == 3
    assert json.loads(str(decision.answer))["rules"][0]["trace"]["seen"] == [600, 1500]
    page = text_of(as_role("district_officer", "510104000000").get(f"/rules/decisions/{decision.pk}"))
    assert "完全一致" in page
    assert "36000 分钟" in page
    assert Event.objects.filter(verb="look.rules.decision", subject=f"person:{someone.pk}").count() == 1


def test_decisions_are_seen_within_reach(as_role: Any) -> None:
    decision = decided(factories.person())
    assert as_role("resident").get(f"/rules/decisions/{decision.pk}").status_code == 404
    assert as_role("district_officer", factories.OTHER_DISTRICT).get(f"/rules/decisions/{decision.pk}").status_code == 404
    assert as_role("system_administrator").get(f"/rules/decisions/{decision.pk}").status_code == 404
    resident = as_role("resident")
    own = decided(resident.person)
    assert resident.get(f"/rules/decisions/{own.pk}").status_code == 200
    assert not Event.objects.filter(verb="look.rules.decision").exists()


def test_the_database_keeps_decisions_and_the_seal_tells() -> None:
    decision = decided(factories.person())
    for statement in (
        "update rules_decision set verdict = 'no'",
        "update rules_decision set \"on\" = '2020-01-01'",
        "delete from rules_decision",
        "truncate rules_decision",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    other = decided(factories.person(), minutes=60)
    Decision.objects.filter(pk=decision.pk).update(facts=other.facts, answer=other.answer)
    assert not services.replay(Decision.objects.get(pk=decision.pk)).same


def test_facts_are_encrypted_and_erased_with_the_person() -> None:
    someone = factories.person()
    decision = decided(someone)
    with connection.cursor() as cursor:
        cursor.execute("select facts, answer from rules_decision where id = %s", [decision.pk])
        assert all(b"verified_minutes" not in bytes(blob) for blob in cursor.fetchone())
    people.erase(person=someone, by=SYSTEM, now=timezone.now())
    decision = Decision.objects.get(pk=decision.pk)
    assert decision.facts is None
    with pytest.raises(Refused, match="注销"):
        services.replay(decision)


def test_the_api_lists_tells_and_evaluates(api_as: Any) -> None:
    officer, resident = api_as("district_officer"), api_as("resident")
    assert {item["key"] for item in officer.get("/api/v1/rules/").json()["items"]} >= {"hour-integrity", "volunteer-stars"}
    assert "hour-integrity" not in {item["key"] for item in resident.get("/api/v1/rules/").json()["items"]}
    assert resident.get("/api/v1/rules/hour-integrity").status_code == 404
    detail = resident.get("/api/v1/rules/post-eligibility").json()
    assert [fact["cost"] for fact in detail["facts"]] == sorted(fact["cost"] for fact in detail["facts"])
    assert detail["parameters"] == {"child_below": 14, "adult_from": 18, "own_income_from": 16}

    def ask(facts: dict[str, Any]) -> Any:
        return resident.post("/api/v1/rules/volunteer-stars/evaluate", {"facts": facts}, content_type="application/json")

    assert ask({"verified_minutes": 90_000}).json()["results"] == {"stars": 5, "approval": "province", "next_in": 0}
    assert ask({}).json()["question"] == "verified_minutes"
    wrong = ask({"verified_minutes": "many"})
    assert (wrong.status_code, wrong.json()["field"]) == (409, "verified_minutes")
    assert ask({"verified": 1}).json()["code"] == "unknown_fact"
