"""What every answer is wrapped in: headers, request id, read-only GET, measures, health."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config import health
from config.settings import LOGGING
from qunli.kernel.metrics import SECONDS, MetricsMiddleware
from qunli.kernel.readonly import ReadOnlyMiddleware, WriteOnRead


def count(view: str, method: str, status: int) -> float:
    labels = {"view": view, "method": method, "status": str(status)}
    return sum(
        sample.value for sample in SECONDS.collect()[0].samples if sample.name.endswith("_count") and sample.labels == labels
    )


@pytest.mark.django_db
def test_headers(client: Client) -> None:
    answer = client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert len(answer["X-Request-ID"]) == 32
    assert answer["X-Request-ID"] != client.get("/")["X-Request-ID"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("insert into people_person (name) values ('x')", "people_person"),
        ("  UPDATE ONLY people_person set name = 'x'", "people_person"),
        ('delete from "people_person"', "people_person"),
        ("with gone as (delete from people_person returning 1) select * from gone", "people_person"),
        ("truncate people_person", "people_person"),
    ],
)
def test_a_get_that_writes_is_refused(sql: str, table: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute(sql)
        return HttpResponse()

    with pytest.raises(WriteOnRead, match=table):
        ReadOnlyMiddleware(view)(RequestFactory().get("/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sql", ["select 1", "with n as (select 1 as a) select * from n for update", "insert into audit_none select 1"]
)
def test_a_get_may_read_and_lock(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qunli.kernel.readonly.ALLOWED", frozenset({"audit_none"}))
    asked = []

    def execute(statement: str, *args: Any) -> None:
        asked.append(statement)

    from qunli.kernel.readonly import refuse_writes

    refuse_writes(execute, sql, None, False, {})
    assert asked == [sql]


@pytest.mark.django_db
def test_a_post_may_write() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("delete from people_person where false")
        return HttpResponse()

    assert ReadOnlyMiddleware(view)(RequestFactory().post("/")).status_code == 200


def test_measures_name_the_view_and_not_the_address(caplog: pytest.LogCaptureFixture) -> None:
    before = count("none", "GET", 500), count("none", "other", 200)
    MetricsMiddleware(lambda request: HttpResponse(status=500))(RequestFactory().get("/person/510107199003077777"))
    MetricsMiddleware(lambda request: HttpResponse())(RequestFactory().generic("BREW", "/"))
    assert (count("none", "GET", 500), count("none", "other", 200)) == (before[0] + 1, before[1] + 1)
    assert "510107199003077777" not in caplog.text


@pytest.mark.django_db
def test_health(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["database"] == answer.json()["queue"] == "ok"


@pytest.mark.django_db
def test_health_of_a_queue_that_nobody_works_off(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, lock, args, status) values ('default', 'x', null, '{}', 'todo')"
        )
        cursor.execute("update procrastinate_events set at = now() - interval '1 hour'")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["queue"] == "late"
    assert answer.json()["waiting"] == 1


@pytest.mark.django_db
def test_health_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        @contextmanager
        def cursor(self) -> Iterator[None]:
            raise OperationalError("connection refused")
            yield

    monkeypatch.setattr(health, "connection", Down())
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "unreachable", "queue": "unknown"}


@pytest.mark.django_db
def test_metrics_are_for_this_machine_or_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert b"qunli_request_seconds" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.5").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.5"}).status_code == 403, "through a proxy"
    settings.METRICS_TOKEN = "figures-of-the-day"  # noqa: S105
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert (
        client.get("/metrics", REMOTE_ADDR="203.0.113.5", headers={"Authorization": "Bearer figures-of-the-day"}).status_code == 200
    )


def test_log_lines_are_objects() -> None:
    formatter = LOGGING["formatters"]["lines"]
    made = formatter["()"](**{key: value for key, value in formatter.items() if key != "()"})
    line = made.format(
        logging.makeLogRecord({"name": "qunli.people", "levelno": 30, "levelname": "WARNING", "msg": "志愿 %s", "args": ("x",)})
    )
    said = json.loads(line)
    assert said["event"] == "志愿 x"
    assert {"level", "logger", "timestamp"} <= said.keys()
