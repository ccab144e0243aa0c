"""The API against its own schema: whatever is sent, no 500, and every answer is one that the schema announces.

Valid and broken requests are made from the OpenAPI document (schemathesis), sent in process with the token of one role or
of nobody, each undone afterwards. Half of them name objects that exist. The examples are the same in every run.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.core.cache import cache as django_cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis import openapi as schemathesis_openapi
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation

from config.api import api
from qunli.accounts.scopes import SCOPES
from qunli.accounts.services import issue_token
from qunli.kernel.actor import SYSTEM
from tests.permissions import world
from tests.permissions.addresses import argument_names, operations, value

pytestmark = pytest.mark.django_db
EXAMPLES = 12
"""Requests for each operation and each mode (valid, broken)."""
ROLES = ("anonymous", "volunteer", "team_leader", "community_worker", "city_officer")

load_all_checks()
CONFORMS = [
    CHECKS.get_one(name)
    for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
]


@cache
def schema() -> Any:
    loaded = schemathesis_openapi.from_dict(api.get_openapi_schema(), config=SchemathesisConfig())
    loaded.app = get_wsgi_application()
    return loaded


def operation(method: str, path: str) -> APIOperation:  # type: ignore[type-arg]
    return schema()[path][method]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def tokens(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[world.World, dict[str, str]]]:
    """A world and a token with every scope for each role, gone in the end."""
    # As Django's own test client: a request must not close the connection on which the transaction of the test is open.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    with django_db_blocker.unblock(), transaction.atomic():
        made = world.build()
        yield (
            made,
            {
                role: issue_token(account=made.accounts[role], name="fuzz", scopes=list(SCOPES), days=1, by=SYSTEM)
                for role in ROLES
                if role != "anonymous"
            },
        )
        transaction.set_rollback(True)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
@pytest.mark.parametrize(("method", "path"), operations(), ids=[f"{method} {path}" for method, path in operations()])
def test_conforms(method: str, path: str, mode: GenerationMode, tokens: Any) -> None:
    the_world, token_of = tokens
    target = operation(method, path)
    known = {a: value(path, a, the_world.places["inside"]) for a in argument_names(path)}
    cases = target.as_strategy(mode)
    if known:
        cases = cases | target.as_strategy(mode, path_parameters=known)

    @given(case=cases, role=st.sampled_from(ROLES))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def probe(case: Any, role: str) -> None:
        with transaction.atomic():
            django_cache.clear()
            headers = {"Authorization": f"Bearer {token_of[role]}"} if role in token_of else {}
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CONFORMS)

    try:
        probe()
    except Unsatisfiable:  # a text that is never wrong (any path answers) has no broken form
        assert mode == GenerationMode.NEGATIVE
