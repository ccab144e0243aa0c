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
MEANINGS: list[tuple[str, str, str]] = [
    # beginning of the address (after /api/v1/<room>/), argument, what of the world it is: "object.attribute" or "=text".
    # The first line that fits is taken.
    ("activities/sign-ups/", "pk", "sign_up.pk"),
    ("activities/", "pk", "activity.pk"),
    ("volunteers/plans/", "pk", "plan.pk"),
    ("volunteer/invitations/", "pk", "invitation.pk"),
    ("invitations/", "id", "invitation.pk"),
    ("plans/", "id", "plan.pk"),
    ("teams/members/", "pk", "membership.pk"),
    ("teams/", "pk", "team.pk"),
    ("activities/", "id", "activity.pk"),
    ("sign-ups/", "id", "sign_up.pk"),
    ("memberships/", "id", "membership.pk"),
    ("teams/", "id", "team.pk"),
    ("volunteers/", "pk", "volunteer.pk"),
    ("rules/", "rules_key", "=volunteer-stars"),
    ("", "rules_key", "=hour-integrity"),
    ("rules/decisions/", "decision_id", "decision.pk"),
    ("volunteers/", "id", "volunteer.pk"),
    ("", "person_id", "person.pk"),
    ("", "other_id", "twin.pk"),
    ("", "duplicate_id", "duplicate.pk"),
    ("", "merge_id", "merge.pk"),
    ("", "guardianship_id", "guardianship.pk"),
    ("", "purpose", "=location"),
    ("", "code", "division.code"),
    ("volunteer/register/", "step", "=1"),
    ("access/", "posting_id", "posting.pk"),
    ("notices/", "notice_id", "notice.pk"),
    ("accounts/factor/", "pk", "=1"),
    ("accounts/tokens/", "token_id", "=1"),
    ("files/", "key", "=00000000-0000-4000-8000-000000000000"),
    ("", "key", "=nobody-knows-this"),
    ("", "activity", "running.pk"),
    ("", "sign_up", "present.pk"),
    ("served/", "token", "=nobody-knows-this"),
    ("records/", "photo", "=1"),
    ("records/", "statement", "=1"),
    ("", "record", "record.pk"),
    ("", "finding", "finding.pk"),
    ("sampling/items/", "item", "sample.pk"),
    ("", "sampling_round", "sample.round_id"),
    ("stars/", "proposal", "star.pk"),
    ("cases/", "number", "case.number"),
    ("{number}", "number", "case.number"),
    ("cases/", "which", "=all"),
    ("waiting/", "which", "=all"),
    ("cases/", "verb", "=urge"),
    ("", "number", "certificate.number"),
    ("", "way", "=in"),
    ("", "which", "=submit"),
    ("", "verb", "=submit"),
]


class Address(NamedTuple):
    """One line of the table without its cells."""

    method: str
    name: str
    """Name of the page, or path of the operation under /api/."""
    where: str
    """"inside", "outside", or "" when it names no object."""


def argument_names(pattern: str) -> list[str]:
    """`<int:pk>`, `(?P<way>in|out)` and `{record}`."""
    return re.findall(r"<(?:\w+:)?(\w+)>", pattern) + re.findall(r"(?<!\\d)\{([a-z_]\w*)\}", pattern)


def value(pattern: str, argument: str, place: Place) -> Any:
    """The object of the world that stands for an argument. A new argument must be explained in `MEANINGS`."""
    start = re.sub(r"^/api/v1/[a-z_]+/", "", pattern).lstrip("^")
    source = next((what for beginning, name, what in MEANINGS if name == argument and start.startswith(beginning)), None)
    assert source, f"{pattern}: say in tests/permissions/addresses.py what <{argument}> is"
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
    return reverse(route.name, kwargs={a: value(route.pattern, a, place) for a in argument_names(route.pattern)})


def path_of(path: str, place: Place) -> str:
    for argument in argument_names(path):
        path = path.replace("{" + argument + "}", str(value(path, argument, place)))
    return path


def public_pages() -> set[str]:
    return {route.name for route in pages() if is_public(route.view)}


def wheres(pattern: str) -> Iterator[str]:
    yield from (("inside", "outside") if names_an_object(pattern) else ("",))


def names_an_object(pattern: str) -> bool:
    """Whether an address names something that lies inside or outside of a division."""
    start = re.sub(r"^/api/v1/[a-z_]+/", "", pattern).lstrip("^")
    for argument in argument_names(pattern):
        what = next((what for beginning, name, what in MEANINGS if name == argument and start.startswith(beginning)), "?")
        if not what.startswith("="):
            return True
    return False
