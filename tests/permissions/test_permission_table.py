"""Who may do what: every address, every role, against `tests/permission_table.csv`.

A cell says what the gate answers to a request of that role, whatever stands behind the gate:

    yes   lets in (2xx, a redirect, or a refusal of the empty form: 400, 409, 422)
    in    asks for a sign-in (a redirect to it, or 401)
    no    403
    none  404: as if there were nothing

POST sends an empty form. An address that is not in the table fails, and so does a line without an address.
`QUNLI_WRITE_TABLE=1 script/test tests/permissions` writes the table anew; read its difference before you commit it.
"""

import csv
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache as django_cache
from django.db import transaction
from django.shortcuts import resolve_url

from tests.architecture.house import Route
from tests.harness import max_queries
from tests.permissions import world
from tests.permissions.addresses import Address, address_of, operations, pages, path_of, public_pages, wheres

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).resolve().parents[1] / "permission_table.csv"
WRITING = os.environ.get("QUNLI_WRITE_TABLE") == "1"
BUDGET = 10
"""Queries of a page at most."""
SIGN_IN = (resolve_url(settings.LOGIN_URL), resolve_url("account_login"))


@cache
def table() -> dict[Address, dict[str, str]]:
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="") as file:
        return {Address(line["method"], line["address"], line["object"]): line for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def the_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[world.World]:
    """Built once, in a transaction that is rolled back in the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield world.build()
        transaction.set_rollback(True)


def verdict(response: Any) -> str:
    status = response.status_code
    if status == 401:
        return "in"
    if status in (301, 302) and response["Location"].split("?")[0] in SIGN_IN:
        return "in"
    if status == 403:
        return "no"
    if status == 404:
        return "none"
    if status == 405:
        return "method"
    assert status < 500, f"{status}"
    return "yes"


def ask(client: Any, method: str, path: str) -> str:
    """What the gate says. Nothing that the request did stays, nor what it told the browser (signing out takes its cookie)."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        try:
            sender = getattr(client, method.lower())
            response = (
                sender(path, content_type="application/json", data="{}")
                if path.startswith("/api/") and method != "GET"
                else sender(path)
            )
            return verdict(response)
        finally:
            client.cookies.clear()
            client.cookies.load(cookies)
            transaction.set_rollback(True)


def counted(client: Any, method: str, path: str) -> tuple[str, int]:
    """The answer, and how often the database was asked; the savepoints around it are ours."""
    with max_queries(1000) as asked:
        answer = ask(client, method, path)
    return answer, sum(not sql.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")) for sql in asked)


def observed(the_world: world.World, lines: list[tuple[Address, str]]) -> dict[Address, dict[str, str]]:
    result: dict[Address, dict[str, str]] = {}
    over_budget = []
    for role in world.COLUMNS:
        with transaction.atomic():
            client = the_world.client(role)
            for address, path in lines:
                django_cache.clear()  # limits and lock-outs of one address do not reach the next
                answer, count = counted(client, address.method, path)
                if address.method == "GET" and answer == "yes" and count > BUDGET:
                    _, count = counted(client, address.method, path)  # figures that are counted once in some minutes are there now
                    if count > BUDGET:
                        over_budget.append(f"{address.name} as {role}: {count} queries")
                result.setdefault(address, {})[role] = answer
            transaction.set_rollback(True)
    assert not over_budget, "\n".join(over_budget)
    return {
        address: cells
        for address, cells in result.items()
        if set(cells.values()) - {"method", "in"} or "method" not in cells.values()
    }


def lines_of_pages(the_world: world.World, routes: list[Route]) -> list[tuple[Address, str]]:
    return [
        (Address(method, route.name, where), address_of(route, the_world.places[where or "inside"]))
        for route in routes
        for where in wheres(route.pattern)
        for method in ("GET", "POST")
    ]


def lines_of_operations(the_world: world.World) -> list[tuple[Address, str]]:
    return [
        (Address(method, path, where), path_of(path, the_world.places[where or "inside"]))
        for method, path in operations()
        for where in wheres(path)
    ]


def compare(found: dict[Address, dict[str, str]], of: Any) -> None:
    if WRITING:
        merged = {a: cells for a, cells in table().items() if not of(a)} | found
        with TABLE.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["method", "address", "object", *world.COLUMNS])
            for address in sorted(merged):
                writer.writerow([*address, *(merged[address][role] for role in world.COLUMNS)])
        table.cache_clear()
        return
    expected = {address: cells for address, cells in table().items() if of(address)}
    wrong = [f"{' '.join(address)}: not in the table" for address in found if address not in expected]
    wrong += [f"{' '.join(address)}: in the table, but no such address" for address in expected if address not in found]
    for address in found:
        if address in expected:
            wrong += [
                f"{' '.join(address)} as {role}: {found[address][role]}, the table says {expected[address][role]}"
                for role in world.COLUMNS
                if found[address][role] != expected[address][role]
            ]
    assert not wrong, "\n".join(wrong)


def namespaces() -> list[str]:
    return sorted({route.name.split(":")[0] if ":" in route.name else "" for route in pages()})


@pytest.mark.parametrize("namespace", namespaces())
def test_pages(namespace: str, the_world: world.World) -> None:
    def of(address: Address) -> bool:
        return not address.name.startswith("/") and (address.name.split(":")[0] if ":" in address.name else "") == namespace

    mine = [route for route in pages() if of(Address("GET", route.name, ""))]
    compare(observed(the_world, lines_of_pages(the_world, mine)), of)


def test_api(the_world: world.World) -> None:
    compare(observed(the_world, lines_of_operations(the_world)), lambda address: address.name.startswith("/"))


# --- What the table itself must say, whatever was observed ------------------------------------------------------------------

OPEN_TO_ALL = ("volunteering:activity", "volunteering:team")
"""Public matters of another district that anyone may look at."""


def test_anonymous_comes_in_only_where_it_is_public() -> None:
    public = public_pages()
    wrong = [
        a for a, cells in table().items() if not a.name.startswith("/") and cells["anonymous"] == "yes" and a.name not in public
    ]
    assert not wrong


SUPERVISORS_OWN = {("service_hours:sample_check", "supervisor")}
"""Spot checks are what a supervisor is for: the verdict on a drawn record changes nothing of the record."""


def test_readers_write_nothing() -> None:
    """Supervisor and auditor post only what every resident may, and their own work."""
    readers = ("supervisor", "auditor")
    wrong = [
        (a, role)
        for a, cells in table().items()
        for role in readers
        if a.method != "GET" and cells[role] == "yes" != cells["resident"] and (a.name, role) not in SUPERVISORS_OWN
    ]
    assert not wrong


def test_administrators_of_the_system_see_no_people() -> None:
    """Nothing on a person is open to them that is not open to every resident."""
    wrong = [
        (a, role)
        for a, cells in table().items()
        for role in ("system_administrator", "security_administrator")
        if a.name.startswith(("people:", "service_hours:", "volunteering:")) and cells[role] == "yes" != cells["resident"]
    ]
    assert not wrong


def test_nobody_reaches_outside() -> None:
    """What a role may do in its own district and a resident may not, it may not do in another."""
    scoped = ("team_leader", "community_worker", "street_officer", "district_officer", "partner", "supervisor")
    wrong = [
        (a, role)
        for a, cells in table().items()
        for role in scoped
        if a.where == "outside" and cells[role] == "yes" and cells["resident"] != "yes"
    ]
    assert not wrong
