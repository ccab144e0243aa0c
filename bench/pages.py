"""The pages of the day at 8 connections: p95 of list, search, activity, my record and team page; queries of each."""

import itertools
from typing import Any

from bench import client, common, ground, people

SCALE = 0.1
CONNECTIONS = 8
SECONDS = 6.0
MOST_QUERIES = 10
WORDS = ("手机", "院落", "laonian", "义诊", "垃圾分类", "hedao")
"""What is searched for: words, pinyin."""


def run(*, scale: float) -> common.Report:
    ground.use_database(scale)
    people.start()
    from urllib.parse import quote

    from django.utils import timezone

    from qunli.volunteering.models import Activity, Team, Volunteer

    report = common.Report("pages")
    people.clear()
    visitors = people.visitors(64)
    active = [v.person for v in visitors]
    records = sum(1 for minutes in Volunteer.objects.filter(person__in=active).values_list("minutes", flat=True) if minutes)
    coming = list(
        Activity.objects.filter(state="published", starts_at__gt=timezone.now())
        .order_by("starts_at")
        .values_list("pk", flat=True)[:200]
    )
    teams = list(Team.objects.filter(state="active").order_by("-members").values_list("pk", flat=True)[:200])
    pages: dict[str, list[str]] = {
        "list": ["/activities/"],
        "search": [f"/activities/?q={quote(word)}" for word in WORDS],
        "activity": [f"/activities/{pk}/" for pk in coming],
        "my record": ["/records/"],
        "team page": [f"/teams/{pk}/" for pk in teams],
    }
    busy = common.load()
    with ground.server(ground.free_port()) as address:
        for name, paths in pages.items():
            turn = itertools.count()

            def following(_line: int, turn: Any = turn, paths: list[str] = paths) -> bytes:
                number = next(turn)
                visitor = visitors[number % len(visitors)]
                return client.request("GET", paths[number % len(paths)], address, cookies=visitor.cookies)

            client.drive(address, CONNECTIONS, following, seconds=2)
            gone = client.drive(address, CONNECTIONS, following, seconds=SECONDS)
            if set(gone.statuses) != {200}:
                raise ground.Stop(f"{name}: answers other than 200: {gone.statuses}")
            p95 = common.percentile(gone.latencies, 0.95) * 1000
            report.add(f"p95 of {name}", p95, "ms", against=f"{CONNECTIONS} connections, scale {scale:g}", bound="< 100", digits=1)
            half = common.percentile(gone.latencies, 0.5) * 1000
            report.note(f"{name}: median {half:.1f} ms, {gone.rate:.0f} a second, {len(gone.latencies)} answers; {common.load()}")
    for name, paths in pages.items():
        report.add(f"queries of {name}", most_queries(visitors, paths), "queries", bound=f"<= {MOST_QUERIES}", digits=0)
    report.note(f"{records} of {len(visitors)} people have hours; {busy} before")
    return report


def most_queries(visitors: list[people.Visitor], paths: list[str]) -> int:
    """The most queries that one of these pages took, of the first five people and addresses."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    most = 0
    for visitor, path in zip(visitors[:5], itertools.cycle(paths[:5]), strict=False):
        browser = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
        for name, value in visitor.cookies.items():
            browser.cookies[name] = value
        browser.get(path)
        with CaptureQueriesContext(connection) as queries:
            if browser.get(path).status_code != 200:
                raise ground.Stop(f"{path} does not answer 200")
        most = max(most, len(queries))
    return most
