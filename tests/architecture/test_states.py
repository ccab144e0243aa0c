"""States are data: the database holds the same table as the code."""

import importlib

import pgtrigger
import pytest
from django.apps import apps
from django.db import connection

from qunli.kernel.states import Machine
from tests.architecture.house import QUNLI, rooms


def machines() -> list[tuple[str, Machine]]:
    found = []
    for room in rooms():
        if (QUNLI / room / "states.py").exists() or (QUNLI / room / "states").exists():
            module = importlib.import_module(f"qunli.{room}.states")
            found += [(room, value) for value in vars(module).values() if isinstance(value, Machine)]
    return found


def test_there_are_machines() -> None:
    assert len(machines()) >= 7


@pytest.mark.parametrize(("room", "machine"), machines(), ids=lambda value: getattr(value, "name", value))
def test_database_holds_the_same_table(room: str, machine: Machine, db: None) -> None:
    owners = [
        model
        for model in apps.get_app_config(room).get_models()
        if any(
            isinstance(trigger, pgtrigger.FSM) and trigger.name == f"{machine.name}_{trigger.field}"
            for trigger in getattr(model._meta, "triggers", [])
        )
    ]
    assert len(owners) == 1, f"exactly one model of {room} carries the trigger of {machine.name}"
    table = owners[0]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'c'", [table]
        )
        checks = " ".join(row[0] for row in cursor.fetchall())
        cursor.execute(
            "select p.prosrc from pg_trigger t join pg_proc p on p.oid = t.tgfoid"
            " where t.tgrelid = %s::regclass and not t.tgisinternal",
            [table],
        )
        triggers = " ".join(row[0] for row in cursor.fetchall())
    for state in machine.states.values:
        assert f"'{state}'" in checks, f"no check on {table}.state knows {state}"
    for source, target in machine.pairs():
        assert source in triggers, f"the trigger on {table} does not know {source}"
        assert target in triggers, f"the trigger on {table} does not know {target}"


@pytest.mark.parametrize(("room", "machine"), machines(), ids=lambda value: getattr(value, "name", value))
def test_every_state_can_be_reached(room: str, machine: Machine) -> None:
    """From the first state, or (where an object may begin in several) from one that nothing leads to."""
    reached = {machine.states.values[0], *(set(machine.states.values) - {target for _, target in machine.pairs()})}
    while grown := {target for source, target in machine.pairs() if source in reached} - reached:
        reached |= grown
    assert reached == set(machine.states.values)


@pytest.mark.parametrize(("room", "machine"), machines(), ids=lambda value: getattr(value, "name", value))
def test_every_transition_says_who_and_why(room: str, machine: Machine) -> None:
    for verb, transition in machine.transitions.items():
        assert transition.why, f"{machine.name}.{verb} has no reason"
        assert transition.who in ("self", "system") or "." in transition.who, f"{machine.name}.{verb}: who is {transition.who}?"
