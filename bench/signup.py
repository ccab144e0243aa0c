"""Sign-ups over HTTP with 16 signed-in connections, beside pgbench running the same statement on the same database.

Rounds of both take turns on the same people and rows, so that a busy machine burdens both alike; the ratio is the median of the
rounds' ratios. Each connection has people and an activity of its own, as when a whole city signs up (bench race has the one hot
activity). Every acknowledged sign-up is counted again in the database.
"""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import client, common, ground, people

SCALE = 0.01
CONNECTIONS = 16
PEOPLE_EACH = 40
ROUNDS = 5
SECONDS = 6.0
ACTIVITIES_EACH = 130
"""Activities that one connection may fill in one round."""


def run(*, scale: float) -> common.Report:
    ground.use_database(scale)
    people.start()
    from django.db import connection

    report = common.Report("signup")
    people.clear()
    visitors = people.visitors(CONNECTIONS * PEOPLE_EACH)
    busy = [common.load()]
    port = ground.free_port()
    web, database = [], []
    acknowledged = 0
    with ground.server(port) as address, tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS + 1):
            for kind in ("pgbench", "http"):
                fields = people.activities(
                    CONNECTIONS * ACTIVITIES_EACH, PEOPLE_EACH, days=60 + 15 * turn + (7 if kind == "http" else 0)
                )
                seconds = SECONDS if turn else 2.0
                if kind == "pgbench":
                    rate = pgbench(Path(folder), fields, seconds)
                    if turn:
                        database.append(rate)
                    continue
                gone = client.drive(address, CONNECTIONS, requests(address, visitors, fields), seconds=seconds)
                if set(gone.statuses) != {302}:
                    raise ground.Stop(f"answers other than the redirect: {gone.statuses}")
                acknowledged += len(gone.latencies)
                if turn:
                    web.append(gone)
        busy.append(common.load())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM volunteering_signup s JOIN audit_event e"
                " ON e.facts->>'sign_up' = s.id::text AND e.verb = 'volunteering.sign_up' AND length(e.request_id) = 32"
                " JOIN volunteering_activity a ON a.id = s.activity_id WHERE s.state = 'confirmed' AND a.title LIKE 'bench %'"
            )
            written = cursor.fetchone()[0]
        late = signed_out_at_once(address, visitors[0])
    rates = [one.rate for one in web]
    ratios = [one / other for one, other in zip(rates, database, strict=True)]
    latencies = [second for one in web for second in one.latencies]
    against = f"pgbench, the same statement, {CONNECTIONS} clients"
    report.add("sign-ups a second over HTTP", statistics.median(rates), "1/s", digits=0)
    report.add("sign-ups a second by pgbench", statistics.median(database), "1/s", digits=0)
    report.add("ratio to pgbench", statistics.median(ratios), "", against=against, bound=">= 0.30")
    report.add("p95 of a sign-up", common.percentile(latencies, 0.95) * 1000, "ms", bound="< 40", digits=1)
    report.add("acknowledged and not in the database", acknowledged - written, "sign-ups", bound="== 0", digits=0)
    report.add("sign-ups after signing out everywhere", late, "sign-ups", bound="== 0", digits=0)
    report.note(f"http: {common.spread(rates)}; pgbench: {common.spread(database)}; ratio: {common.spread(ratios)}")
    report.note(f"{acknowledged} acknowledged, {written} found with their audit event; {' then '.join(busy)}")
    return report


def requests(address: str, visitors: list[people.Visitor], fields: list[tuple[int, int]]) -> Callable[[int], bytes | None]:
    """What each connection sends: its people one after another into its activities one after another."""
    sent = [0] * CONNECTIONS
    heads = []
    for visitor in visitors:
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        heads.append(
            f" HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookies}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ".encode()
        )

    def following(line: int) -> bytes | None:
        turn, who = divmod(sent[line], PEOPLE_EACH)
        if turn >= ACTIVITIES_EACH:
            return None
        sent[line] += 1
        activity, post = fields[line * ACTIVITIES_EACH + turn]
        body = b"csrfmiddlewaretoken=%s&post=%d" % (people.CSRF.encode(), post)
        return b"POST /activities/%d/sign-up/%s%d\r\n\r\n%s" % (activity, heads[line * PEOPLE_EACH + who], len(body), body)

    return following


def pgbench(folder: Path, fields: list[tuple[int, int]], seconds: float) -> float:
    """Sign-ups a second of pgbench, running the web server's own statement with the same people."""
    from qunli.access.roles import ROLES
    from qunli.volunteering import hot

    program = shutil.which("pgbench")
    if program is None:
        raise ground.Stop("pgbench is not there: run through script/bench")
    first = fields[0][1]
    # Posts were made in one go, so their keys follow one another.
    if [post for _activity, post in fields] != list(range(first, first + len(fields))):
        raise ground.Stop("the keys of the bench's posts do not follow one another; run again")
    needing = ",".join(sorted(name for name, role in ROLES.items() if role.second_factor))
    values = {
        1: "sha256(convert_to('bench' || lpad(:who::text, 27, '0'), 'UTF8'))",
        2: "now() - interval '5 minutes'",
        3: f"'{{{needing}}}'",
        4: "current_date",
        5: "'127.0.0.1'",
        6: "'pgbench'",
        7: ":post",
        8: "'f'",
        9: "now()",
    }
    text = re.sub(r"\$(\d)", lambda found: f"({values[int(found[1])]})", hot.STATEMENT)
    text = text.replace("HH24:MI", "HH24' || chr(58) || 'MI")  # pgbench takes :MI for a variable, even in a string
    script = folder / "signup.sql"
    script.write_text(
        "\\set who :client_id * :each + :n % :each\n"
        "\\set post :first + :client_id * :activities + :n / :each\n"
        f"{' '.join(line.split('--')[0] for line in text.splitlines())};\n"
        "\\set n :n + 1\n"
    )
    count = max(1, int(seconds))
    command = [
        program, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", str(count), "-f", str(script),
        "-D", "n=0", "-D", f"each={PEOPLE_EACH}", "-D", f"first={first}", "-D", f"activities={ACTIVITIES_EACH}",
        os.environ["DATABASE_URL"],
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or found is None:
        raise ground.Stop(f"pgbench failed: {done.stderr.strip()[-400:]}")
    rate = float(found[1])
    if rate * count > CONNECTIONS * PEOPLE_EACH * ACTIVITIES_EACH * 0.98:
        raise ground.Stop("pgbench ran out of activities: raise ACTIVITIES_EACH")
    return rate


def signed_out_at_once(address: str, visitor: people.Visitor) -> int:
    """Sign-ups that still went through on a kept connection after the person signed out everywhere."""
    from django.utils import timezone

    from qunli.accounts.models import Account
    from qunli.accounts.services import sign_out_everywhere
    from qunli.kernel.actor import SYSTEM
    from qunli.volunteering.models import SignUp

    fields = people.activities(2, 5, days=300)
    account = Account.objects.get(person=visitor.person)
    line = [0]

    def following(_line: int) -> bytes | None:
        if line[0] == 2:
            return None
        if line[0] == 1:
            sign_out_everywhere(account=account, by=SYSTEM, now=timezone.now())
        activity, post = fields[line[0]]
        line[0] += 1
        body = f"csrfmiddlewaretoken={people.CSRF}&post={post}".encode()
        return client.request("POST", f"/activities/{activity}/sign-up/", address, cookies=visitor.cookies, body=body)

    client.drive(address, 1, following)
    before, after = (SignUp.objects.filter(post=post).count() for _activity, post in fields)
    if before != 1:
        raise ground.Stop("the sign-up before signing out did not go through")
    return after
