"""200 people race for 20 places over HTTP, 100 times: exactly 20 are in, the others are told why and offered the waiting list."""

import random
from collections import Counter

from bench import client, common, ground, people

SCALE = 0.01
PEOPLE = 200
PLACES = 20
VOLLEYS = 100
DOUBLE_CLICKS = 40
"""People who click twice: the second click goes out before the first is answered."""


def run(*, scale: float) -> common.Report:
    ground.use_database(scale)
    people.start()
    from django.db import connection

    from qunli.volunteering.signing_up import MESSAGES

    report = common.Report("race")
    people.clear()
    visitors = people.visitors(PEOPLE)
    fields = people.activities(VOLLEYS, PLACES, days=120)
    told: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    offered = 0
    seconds = 0.0
    busy = common.load()
    rng = random.Random(1)  # noqa: S311 - the order of a race, no secret
    with ground.server(ground.free_port()) as address:
        for activity, post in fields:
            order = [*visitors, *rng.sample(visitors, DOUBLE_CLICKS)]
            body = f"csrfmiddlewaretoken={people.CSRF}&post={post}".encode()
            waiting = [
                client.request("POST", f"/activities/{activity}/sign-up/", address, cookies=visitor.cookies, body=body)
                for visitor in order
            ]
            taken = [False] * len(order)

            def following(line: int, waiting: list[bytes] = waiting, taken: list[bool] = taken) -> bytes | None:
                if taken[line]:
                    return None
                taken[line] = True
                return waiting[line]

            answers: list[client.Answer] = []

            def seen(_line: int, answer: client.Answer, kept: list[client.Answer] = answers) -> None:
                kept.append(answer)

            done = client.drive(address, len(order), following, seen=seen)
            seconds += done.seconds
            statuses.update(done.statuses)
            told.update(message(answer.header("Set-Cookie")) for answer in answers)
            # Somebody who came too late opens the page that the answer leads to.
            with connection.cursor() as cursor:
                cursor.execute("SELECT person_id FROM volunteering_signup WHERE post_id = %s", [post])
                inside = {person for (person,) in cursor.fetchall()}
            late = next(visitor for visitor in visitors if visitor.person not in inside)
            page = client.one(
                address, client.request("GET", f"/activities/{activity}/", address, cookies=late.cookies, Connection="close")
            )
            statuses[page.status] += page.status != 200
            offered += b'name="wait"' in page.body
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE n = %s), max(n), min(n), sum(twice), count(*) FILTER (WHERE n <> taken) FROM ("
            " SELECT p.id, p.taken, count(s.id) AS n, count(s.id) - count(DISTINCT s.person_id) AS twice FROM volunteering_post p"
            " LEFT JOIN volunteering_signup s ON s.post_id = p.id AND s.state <> 'cancelled'"
            " WHERE p.id = ANY (%s) GROUP BY p.id) x",
            [PLACES, [post for _activity, post in fields]],
        )
        exact, most, least, twice, wrong = cursor.fetchone()
    word = {str(text): code for code, text in MESSAGES.items()}
    by_code: Counter[str] = Counter()
    for text, count in told.items():
        by_code[word.get(text, text or "nothing")] += count
    failed = sum(count for status, count in statuses.items() if status >= 500)
    reasons = by_code["full"] + by_code["already"] + by_code["confirmed"]
    report.add("volleys with exactly 20 in", exact, "volleys", against=f"{VOLLEYS} volleys", bound=f"== {VOLLEYS}", digits=0)
    report.add("most in one activity", most, "people", against=f"{PLACES} places", bound=f"<= {PLACES}", digits=0)
    report.add("people signed up twice", twice, "people", against=f"{DOUBLE_CLICKS} double clicks a volley", bound="== 0", digits=0)
    report.add("counters that differ from the rows", wrong, "posts", bound="== 0", digits=0)
    report.add("answers that say why", reasons / sum(told.values()) * 100, "%", bound="== 100", digits=2)
    report.add(
        "late people who are offered the waiting list",
        offered,
        "pages",
        against=f"{VOLLEYS} looked at",
        bound=f"== {VOLLEYS}",
        digits=0,
    )
    report.add("errors 500", failed, "answers", bound="== 0", digits=0)
    report.add("answers a second", sum(told.values()) / seconds, "1/s", digits=0)
    report.note(f"fewest in one activity {least}; answers: {dict(by_code)}; statuses: {dict(statuses)}; {busy} before")
    return report


def message(cookie: str) -> str:
    """What the next page will say: the text in the messages cookie."""
    from django.contrib.messages.storage.cookie import CookieStorage
    from django.http import HttpRequest

    name, _, value = cookie.partition(";")[0].strip().partition("=")
    if name != CookieStorage.cookie_name:
        return ""
    request = HttpRequest()
    request.COOKIES[name] = value.strip('"')
    found = list(CookieStorage(request))
    return str(found[-1]) if found else ""
