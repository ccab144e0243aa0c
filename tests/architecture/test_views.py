"""Who may come in: every view needs a sign-in unless it is named in `public_views.txt`."""

from pathlib import Path

from django.conf import settings

from tests.architecture.house import Route, is_public, routes

HERE = Path(__file__).parent


def listed(name: str) -> set[str]:
    lines = (HERE / name).read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()}


def all_routes() -> list[Route]:
    return list(routes())


def test_sign_in_is_the_rule() -> None:
    assert any(name.endswith("LoginRequiredMiddleware") for name in settings.MIDDLEWARE), "no middleware asks for a sign-in"


def test_public_views_are_the_listed_ones() -> None:
    public = {route.label for route in all_routes() if is_public(route.view) and not route.pattern.startswith("api/")}
    wanted = listed("public_views.txt")
    assert public - wanted == set(), "open to everyone and not in tests/architecture/public_views.txt"
    assert wanted - public == set(), "listed as public and not public"


def test_csrf_exemptions_are_the_listed_ones() -> None:
    exempt = {
        route.label for route in all_routes() if getattr(route.view, "csrf_exempt", False) and not route.pattern.startswith("api/")
    }
    assert exempt == listed("csrf_exempt_views.txt")


def test_every_page_has_a_name() -> None:
    nameless = [route.pattern for route in all_routes() if not route.name and route.label.startswith("qunli.")]
    assert not nameless


def test_views_are_functions() -> None:
    """Our own pages are plain functions: read from top to bottom."""
    classes = [route.label for route in all_routes() if route.label.startswith("qunli.") and hasattr(route.view, "view_class")]
    assert not classes
