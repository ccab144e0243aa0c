"""Certificates: 100, from the ledger to the signed PDF in the database, by as many processes as the server has; the longest one."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

from bench import ground
from bench.common import Report, load, percentile, timed

SCALE = 0.01
COUNT = 100
ROUNDS = 3
WORKERS = 2
"""Processes that issue, as the server's on two cores."""


def run(*, scale: float) -> Report:
    ground.use_database(scale)
    _set_up()

    report = Report("certificate")
    people = _people(COUNT + 1)
    first, _certificate = timed(lambda: _issue(people[0]))
    report.add(
        "first", first * 1000, "ms", against="reads the fonts, opens the key", bound="< 1000" if _key_is_there() else "", digits=0
    )
    singles, cores, alone, together, services, size = [], [], [], [], 0, 0
    for _round in range(ROUNDS):
        _forget()
        start, worked = time.perf_counter(), time.process_time()
        for person in people[1:]:
            seconds, made = timed(partial(_issue, person))
            singles.append(seconds)
            size += len(made.pdf)
        alone.append(time.perf_counter() - start)
        cores.append(time.process_time() - worked)
        services = _services()
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"), initializer=_set_up) as pool:
        list(pool.map(_issue_by_key, [people[0].pk] * WORKERS * 4))  # fonts and key are read when a worker starts
        for _round in range(ROUNDS):
            _forget()
            start = time.perf_counter()
            list(pool.map(_issue_by_key, [person.pk for person in people[1:]]))
            together.append(time.perf_counter() - start)
            if _count() != COUNT:
                raise ground.Stop(f"{_count()} certificates stand in the register, {COUNT} were issued")
    report.add(f"{COUNT} certificates", median(together), "s", against=f"{WORKERS} processes, as the server's", bound="< 3")
    report.add(f"{COUNT} certificates by one process", median(alone), "s", against=f"median of {ROUNDS} rounds")
    report.add("core time of one process for them", min(cores), "s", against="does not grow with what else the machine does")
    report.add("one certificate, p95", percentile(singles, 0.95) * 1000, "ms", digits=1)
    report.add("one certificate, slowest", max(singles) * 1000, "ms", bound="< 1000", digits=1)
    longest, _pdf = timed(_longest)
    report.add(
        "longest allowed certificate", longest * 1000, "ms", against="500 services, set and signed", bound="< 1000", digits=0
    )
    report.add("services on a certificate", services / COUNT, "", digits=2)
    report.add("size of a file", size / COUNT / ROUNDS / 1000, "kB", digits=1)
    report.note(
        f"each: read and lock the ledger's entries, set (typst), sign (PAdES, RSA 3072), store with digest and audit; {load()}"
    )
    report.note("rounds took " + ", ".join(f"{total:.2f} s" for total in together))
    _forget()
    return report


def _set_up() -> None:
    """Django and the addresses, as config/wsgi.py has them before the first request."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.urls import get_resolver

    import qunli.service_hours.services  # noqa: F401

    _ = get_resolver().url_patterns


def _issue_by_key(key: int) -> None:
    from qunli.people.models import Person

    _issue(Person.objects.get(pk=key))


def _count() -> int:
    from qunli.service_hours.models import Certificate

    return Certificate.objects.count()


def _key_is_there() -> bool:
    """The demonstration's key is made at its first use, which takes as long as two primes take to find."""
    from django.conf import settings

    return bool(settings.SIGNING_P12) or (settings.HOME / "signing").exists()


def _people(count: int) -> list[Any]:
    """Volunteers with verified hours, spread over the city."""
    from qunli.people.models import Person
    from qunli.service_hours.models import Certificate, HourEntry

    Certificate.objects.all().delete()
    keys = list(
        HourEntry.objects.live()
        .filter(minutes__gt=0, record__state="verified")
        .values_list("person", flat=True)
        .distinct()
        .order_by("person")[: count * 20]
    )
    step = max(1, len(keys) // count)
    found = {person.pk: person for person in Person.objects.filter(pk__in=keys[::step][:count])}
    if len(found) < count:
        raise ground.Stop(f"the city has only {len(found)} volunteers with verified hours: choose a larger --scale")
    return list(found.values())


def _issue(person: Any) -> Any:
    from django.utils import timezone

    from qunli.kernel.actor import SYSTEM
    from qunli.kernel.clock import local_date
    from qunli.service_hours import services

    now = timezone.now()
    return services.issue(person=person, since=date(2000, 1, 1), until=local_date(now), by=SYSTEM, now=now)


def _services() -> int:
    from qunli.service_hours.models import Certificate

    return Certificate.records.through.objects.count()


def _forget() -> None:
    """The same content is issued once: the next round wants a clean register."""
    from qunli.service_hours.models import Certificate

    Certificate.objects.all().delete()


def _longest() -> bytes:
    from django.utils import timezone

    from qunli.service_hours.paper.signing import sign
    from qunli.service_hours.paper.typeset import Content, Row, typeset
    from qunli.service_hours.services.certificates import MOST_SERVICES
    from qunli.service_hours.wording import day_en, day_zh

    now = timezone.now()
    days = [now.date() - timedelta(days=n) for n in range(MOST_SERVICES)]
    rows = tuple(
        Row(day_zh(d), "09:00–11:00", f"社区清洁日 {n}", "清理院落、擦洗扶手、宣传垃圾分类。", "社区志愿服务队", "2小时")
        for n, d in enumerate(days)
    )
    content = Content(
        number="QL2026-0000-0000-0000-0",
        name="阿依古丽·买买提",
        volunteer="5101000000000T",
        issuer="社区志愿服务队",
        since=day_zh(days[-1]),
        since_en=day_en(days[-1]),
        until=day_zh(days[0]),
        until_en=day_en(days[0]),
        services=len(rows),
        hours=2 * len(rows),
        rest=0,
        total_en=f"{2 * len(rows):,} hours",
        issued=day_zh(days[0]),
        issued_en=day_en(days[0]),
        address="https://example.org/verify/",
        rows=rows,
    )
    moment: datetime = now
    return sign(
        typeset(content, link="https://example.org/verify/x/", at=moment), number=content.number, issuer=content.issuer, at=moment
    )
