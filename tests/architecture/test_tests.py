"""The tests that the house promises are there."""

import re

import pytest

from tests.architecture.house import ROOT, rooms, tracked


def texts_of_tests(room: str) -> str:
    return "\n".join((ROOT / name).read_text() for name in tracked() if name.startswith(f"tests/{room}/") and name.endswith(".py"))


@pytest.mark.parametrize(
    ("room", "words"),
    [
        ("people", r"id_number|identity"),
        ("service_hours", r"minutes|hours"),
        ("volunteering", r"overlap"),
        ("volunteering", r"capacity|places"),
    ],
)
def test_rules_are_held_by_properties(room: str, words: str) -> None:
    """Identity numbers, hours, overlap and capacity are tried with examples that nobody thought of."""
    text = texts_of_tests(room)
    assert "@given" in text or "RuleBasedStateMachine" in text, f"tests/{room} has no property test"
    assert re.search(words, text)


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_tested(room: str) -> None:
    assert re.search(r"^def test_", texts_of_tests(room), re.M), f"tests/{room} holds no test"


def test_tests_can_fail() -> None:
    """A test without an assertion, a `raises` or a helper that asserts proves nothing."""
    import ast

    from tests.architecture.house import spot, tree

    hollow = []
    for name in tracked():
        if not re.match(r"tests/.*test_[a-z_0-9]+\.py$", name):
            continue
        for node in ast.walk(tree(ROOT / name)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.unparse(node)
                if not re.search(
                    r"\bassert|raises|expect\(|check|max_queries|call_command|one_sentence|get_template|compare\(|probe\(|_is_|refused|must_",
                    text,
                ):
                    hollow.append(spot(ROOT / name, node.lineno))
    assert not hollow, "\n".join(hollow)
