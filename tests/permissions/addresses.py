"""Every address of the site and every operation of the API, with the arguments that the world gives them."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import reverse

from tests.architecture.house import Route, is_public, routes
from tests.permissions.world import Place

SKIPPED = {
    # of Django, and without a page of its own
    "set_language",
}
ARGUMENTS: dict[str, str] = {
    # argument of an address -> object of the world and its attribute
    "activity_id": "activity.pk",
    "team_id": "team.pk",
    "person_id": "person.pk",
    "record_id": "record.pk",
    "sign_up_id": "sign_up.pk",
    "membership_id": "membership.pk",
    "post_id": "post.pk",
    "code": "division.code",
}
ARGUMENTS_OF: dict[str, dict[str, str]] = {
    # name of the address or API path -> its own meaning of an argument
    "mfa_remove_webauthn": {"pk": "=1"},
    "mfa_edit_webauthn": {"pk": "=1"},
}


class Address(NamedTuple):
    """One line of the table without its cells."""

    method: str
    name: str
    """Name of the page, or path of the operation under /api/."""
    where: str
    """"inside", "outside", or "" when it names no object."""


def argument_names(pattern: str) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", pattern) + re.findall(r"\{(\w+)\}", pattern) + re.findall(r"\(\?P<(\w+)>", pattern)


def value(name: str, argument: str, place: Place) -> Any:
    """The object of the world that stands for an argument. A new argument must be explained in `ARGUMENTS`."""
    source = ARGUMENTS_OF.get(name, {}).get(argument) or ARGUMENTS.get(argument)
    assert source, f"{name}: say in tests/permissions/addresses.py what <{argument}> is"
    if source.startswith("="):
        return source[1:]
    found, *attributes = source.split(".")
    result: Any = place.objects[found]
    for attribute in attributes:
        result = getattr(result, attribute)
    return result


def pages() -> list[Route]:
    return [r for r in routes() if r.name and not r.pattern.startswith(("api/", "static/")) and r.name not in SKIPPED]


def operations() -> list[tuple[str, str]]:
    """(method, path) of the API."""
    from config.api import api

    schema = api.get_openapi_schema()
    return [(method.upper(), path) for path, methods in schema["paths"].items() for method in methods]


def address_of(route: Route, place: Place) -> str:
    return reverse(route.name, kwargs={a: value(route.name, a, place) for a in argument_names(route.pattern)})


def path_of(path: str, place: Place) -> str:
    for argument in argument_names(path):
        path = path.replace("{" + argument + "}", str(value(path, argument, place)))
    return path


def public_pages() -> set[str]:
    return {route.name for route in pages() if is_public(route.view)}


def wheres(pattern: str) -> Iterator[str]:
    yield from (("inside", "outside") if argument_names(pattern) else ("",))
