"""The harness itself: it finds what it promises to find, and nothing else."""

import warnings
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine, Origin, Template, base
from django.test import RequestFactory
from django.utils import timezone

from tests import harness
from tests.conftest import FrozenClock


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<script>alert(1)</script>", "inline script"),
        ('<p onclick="go()">x</p>', "inline handler onclick"),
        ('<p hx-on:click="go()">x</p>', "inline handler hx-on:click"),
        ('<p style="color:red">x</p>', "inline style on <p>"),
        ("<style>p{}</style>", "inline style element"),
        ('<a href="javascript:go()">x</a>', "javascript: address"),
        ('<script src="https://elsewhere.example/x.js"></script>', "loads from another host"),
        ('<link rel="stylesheet" href="//elsewhere.example/x.css">', "loads from another host"),
        ('<form method="post"><input name="a"></form>', "csrf_token"),
        ('<i id="a"></i><b id="a"></b>', "id used twice: a"),
        ('<img src="/x.png">', "without alt"),
        ("<html><body></body></html>", "without lang"),
    ],
)
def test_faults_of_pages_are_found(html: str, fault: str) -> None:
    assert any(fault in found for found in harness.page_faults(html))


@pytest.mark.parametrize(
    "html",
    [
        '<html lang="zh-hans"><script src="/static/x.js" defer></script><script type="application/json">{"a": 1}</script></html>',
        '<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="x"></form>',
        '<form><input name="q"></form><button @click="open" x-on:click="open">x</button>',
        '<link rel="canonical" href="https://example.org/"><a href="https://example.org/">x</a>',
    ],
)
def test_good_pages_pass(html: str) -> None:
    assert harness.page_faults(html) == []


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 'insert into x' FROM a", set()),
        ('INSERT INTO "people_person" ("name") VALUES (%s)', {"people_person"}),
        ("with n as (update volunteering_post set taken = taken + 1 returning id) select * from n", {"volunteering_post"}),
        ("SELECT 1 FROM x FOR UPDATE SKIP LOCKED", {"locks"}),
        ("insert into audit_event (at) values (1) on conflict do update set at = 2", {"audit_event"}),
        ("delete from only x", {"x"}),
        ("SELECT updated_at, copy_number FROM x", set()),
    ],
)
def test_writes_are_seen(sql: str, tables: set[str]) -> None:
    assert harness.written_tables(sql) == tables


def our_template(text: str) -> Template:
    return Template(text, origin=Origin(str(harness.ROOT / "templates" / "x.html")), engine=Engine.get_default())


@pytest.mark.parametrize("text", ["{{ nothing }}", "{{ page.nothing }}", "{% if nothing %}x{% endif %}", "{{ nothing|upper }}"])
def test_undefined_variables_fail(text: str) -> None:
    with pytest.raises(harness.Violation, match="undefined template variable"):
        our_template(text).render(Context({"page": {}}))
    assert harness.VIOLATIONS.pop()


@pytest.mark.parametrize(
    "text", ["{{ nothing|default:'-' }}", "{{ page.title }}", "{% if page.nothing %}x{% endif %}", "{{ none }}"]
)
def test_what_may_be_missing_passes(text: str) -> None:
    our_template(text).render(Context({"page": {"title": "x"}, "none": None}))
    assert not harness.VIOLATIONS


def test_templates_of_others_are_left_alone() -> None:
    assert base.FilterExpression.resolve is harness.strict_resolve
    assert Template("{{ nothing }}", engine=Engine.get_default()).render(Context()) == ""


@pytest.mark.django_db
def test_get_may_not_write(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("update django_migrations set name = name where false")
        return HttpResponse("x")

    with pytest.raises(harness.Violation, match="django_migrations"):
        harness.HostileMiddleware(view)(rf.get("/"))
    assert harness.VIOLATIONS.pop()
    assert harness.HostileMiddleware(view)(rf.post("/")).status_code == 200


@pytest.mark.django_db
def test_budget_counts() -> None:
    def ask_twice() -> None:
        with harness.max_queries(1), connection.cursor() as cursor:
            cursor.execute("select 1")
            cursor.execute("select 2")

    with pytest.raises(AssertionError, match="2 queries, at most 1"):
        ask_twice()


def test_warnings_fail() -> None:
    with pytest.raises(UserWarning):
        warnings.warn("as an error", stacklevel=1)


def test_clock_stands_still(frozen: FrozenClock) -> None:
    assert timezone.now() == timezone.now() == frozen.set(2026, 3, 5, 9, 0)
    assert frozen.move(seconds=31) - frozen.set(2026, 3, 5, 9, 0) == timedelta(seconds=31)
    assert timezone.localdate().isoformat() == "2026-03-05"
