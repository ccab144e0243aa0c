"""Messages: told in the transaction, read in the reader's language, sent outside once."""

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.db import connection
from django.template import engines
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from qunli.access.selectors import actor_of
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied
from qunli.notices import feeds, selectors, services, sms, tasks
from qunli.notices.models import Channel, Delivery, DeliveryState, Notice, Preference
from qunli.notices.rendering import text_of
from qunli.people.models import Person
from tests.factories import person
from tests.roles import client_of, person_of

pytestmark = pytest.mark.django_db
TEMPLATE = "{% load i18n %}{% blocktranslate %}活动“{{ title }}”已取消{% endblocktranslate %}\n\n{% translate '敬请谅解。' %}"


@pytest.fixture(autouse=True)
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of some room above."""
    found = engines["django"].from_string(TEMPLATE)
    monkeypatch.setattr("qunli.notices.rendering.render_to_string", lambda name, context: found.render(context))


class Recorder:
    """A provider that remembers what it sent, and can be out of order."""

    sent: ClassVar[list[tuple[str, str]]] = []
    broken: ClassVar[bool] = False

    def send(self, phone: str, text: str) -> None:
        if self.broken:
            raise sms.NotSent("the provider answers 503")
        self.sent.append((phone, text))


@pytest.fixture(autouse=True)
def provider(settings: Any) -> type[Recorder]:
    settings.SMS_SENDER = f"{__name__}.Recorder"
    Recorder.sent.clear()
    Recorder.broken = False
    return Recorder


def told(people: list[Person], *, by_sms: bool = True) -> list[Notice]:
    services.tell([p.pk for p in people], "activity_cancelled", url="/activities/1/", sms=by_sms, title="清理河道 & 植树")
    return list(Notice.objects.order_by("id"))


def jobs() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("select args from procrastinate_jobs where task_name = 'notices.deliver' order by id")
        return [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in cursor.fetchall()]


def test_a_notice_reads_as_plain_text_in_the_readers_language() -> None:
    notice = told([person()])[0]
    assert text_of(notice, "zh-hans") == ("活动“清理河道 & 植树”已取消", "敬请谅解。")
    with translation.override("en"):
        assert text_of(notice).subject


def test_everyone_is_told_once_and_sending_is_a_job_of_the_same_transaction() -> None:
    people = [person() for _n in range(3)]
    services.tell([p.pk for p in [*people, people[0]]], "activity_cancelled", sms=True, title="x")
    assert Notice.objects.count() == 3
    assert [len(job["notices"]) for job in jobs()] == [3]


def test_telling_a_thousand_costs_few_statements(max_queries: Any) -> None:
    people = Person.objects.bulk_create([Person(name="甲") for _n in range(1000)])
    with max_queries(12):
        services.tell([p.pk for p in people], "activity_cancelled", sms=True, title="x")
    assert [len(job["notices"]) for job in jobs()] == [500, 500]


def test_it_goes_out_once() -> None:
    people = [person(), person()]
    ids = [n.pk for n in told(people)]
    tasks.deliver(notices=ids)
    tasks.deliver(notices=ids)
    assert sorted(phone for phone, _text in Recorder.sent) == sorted(str(p.phone) for p in people)
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}


def test_what_did_not_go_out_is_tried_again_and_nothing_else_is() -> None:
    ids = [n.pk for n in told([person(), person()])]
    Recorder.broken = True
    with pytest.raises(sms.NotSent):
        tasks.deliver(notices=ids)
    assert set(Delivery.objects.values_list("state", "tries")) == {(DeliveryState.PENDING, 1)}
    Recorder.broken = False
    tasks.deliver(notices=ids)
    assert len(Recorder.sent) == 2
    assert set(Delivery.objects.values_list("state", "tries")) == {(DeliveryState.SENT, 2)}
    assert tasks.deliver.retry_strategy is not None


def test_who_does_not_want_it_or_has_no_number_is_left_alone() -> None:
    silent, without = person(), person(phone=None)
    Preference.objects.create(person=silent, sms=False)
    tasks.deliver(notices=[n.pk for n in told([silent, without])])
    assert Recorder.sent == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SKIPPED}


def test_mail_goes_to_those_who_asked_for_it_in_their_language() -> None:
    reader = person(email="reader@example.org")
    Preference.objects.create(person=reader, sms=False, email=True, language="zh-hans")
    tasks.deliver(notices=[n.pk for n in told([reader])])
    assert [(m.to, m.subject) for m in mail.outbox] == [(["reader@example.org"], "活动“清理河道 & 植树”已取消")]
    assert Delivery.objects.filter(channel=Channel.EMAIL, state=DeliveryState.SENT).exists()


def test_without_a_provider_it_says_so(settings: Any) -> None:
    settings.SMS_SENDER = "qunli.notices.sms.Unconfigured"
    with pytest.raises(sms.NotSent, match="QUNLI_SMS_SENDER"):
        sms.sender().send("+8613900000000", "x")


def test_one_sees_and_marks_ones_own_only() -> None:
    mine, other = person_of("resident")[0], person_of("resident")[0]
    assert mine.person
    assert other.person
    told([mine.person, other.person], by_sms=False)
    today = local_date(timezone.now())
    me = actor_of(mine, today)
    assert selectors.unread_count(me) == 1
    assert services.mark_read(notice_ids=list(Notice.objects.values_list("pk", flat=True)), by=me, now=timezone.now()) == 1
    assert selectors.unread_count(me) == 0
    assert selectors.unread_count(actor_of(other, today)) == 1
    with pytest.raises(Denied):
        services.set_preferences(person_id=other.person.pk, by=me, sms=False)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_lists_and_opens(language: str) -> None:
    account, _place = person_of("resident")
    assert account.person
    browser = client_of(account, language=language)
    assert browser.get(reverse("notices:list")).status_code == 200
    notice = told([account.person])[0]
    page = browser.get(reverse("notices:list"))
    assert "清理河道 &amp; 植树" in page.content.decode()
    assert Notice.objects.get().read_at is None
    assert browser.get(reverse("notices:open", args=[notice.pk])).status_code == 405
    assert browser.post(reverse("notices:open", args=[notice.pk]))["Location"] == "/activities/1/"
    assert Notice.objects.get().read_at is not None
    browser.post(reverse("notices:mark_read"))


def test_a_notice_of_another_person_is_not_there() -> None:
    account, _place = person_of("resident")
    notice = told([person()])[0]
    assert client_of(account).post(reverse("notices:open", args=[notice.pk])).status_code == 404


def test_a_notice_never_leads_off_the_site() -> None:
    account, _place = person_of("resident")
    services.tell([account.person_id], "activity_cancelled", url="https://evil.example/", title="x")  # type: ignore[list-item]
    answer = client_of(account).post(reverse("notices:open", args=[Notice.objects.get().pk]))
    assert answer["Location"] == reverse("notices:list")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_preferences_are_kept(language: str) -> None:
    account, _place = person_of("resident")
    browser = client_of(account, language=language)
    assert browser.get(reverse("notices:preferences")).status_code == 200
    browser.post(reverse("notices:preferences"), {"email": "on"})
    assert Preference.objects.values_list("sms", "email").get() == (False, True)


def entries(person_id: int, now: datetime) -> list[feeds.Entry]:
    return [
        feeds.Entry("sign-up-1", "清理河道", now, now + timedelta(hours=2), now, place="府河", url="/activities/1/"),
        feeds.Entry("sign-up-2", "植树", now, now + timedelta(hours=2), now, cancelled=True),
    ]


def test_a_calendar_is_read_by_its_secret_address_and_a_new_one_makes_the_old_void(settings: Any) -> None:
    settings.CALENDAR_SOURCES = [f"{__name__}.entries"]
    account, _place = person_of("resident")
    browser = client_of(account)
    assert browser.get(reverse("notices:calendar")).status_code == 200
    first, second = (browser.post(reverse("notices:calendar")).context["address"] for _n in range(2))
    stranger = Client()
    assert stranger.get(first).status_code == 404
    answer = stranger.get(second)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    text = answer.content.decode()
    assert "SUMMARY:清理河道" in text
    assert "STATUS:CANCELLED" in text
    assert first not in text


def test_the_api_lists_and_marks() -> None:
    account, _place = person_of("resident")
    assert account.person
    browser = client_of(account)
    told([account.person])
    listed = browser.get("/api/v1/notices/").json()
    assert [item["subject"] for item in listed["items"]] == ["活动“清理河道 & 植树”已取消"]
    assert browser.get("/api/v1/notices/?cursor=made-up").status_code == 409
    answer = browser.post("/api/v1/notices/read", {"ids": [listed["items"][0]["id"]]}, content_type="application/json")
    assert answer.json() == {"marked": 1}
    assert browser.post("/api/v1/notices/read", {"ids": [2**70]}, content_type="application/json").status_code == 422
