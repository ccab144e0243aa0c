"""The table in the code and the trigger in the database allow the same steps: every machine of the house is walked."""

import importlib

import pytest
from django.apps import apps
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel.errors import Refused
from qunli.kernel.states import Machine, Transition
from qunli.volunteering.enums import SignUpState

MACHINES = {
    machine.name: machine
    for config in apps.get_app_configs()
    if config.name.startswith("qunli.")
    for module in [importlib.util.find_spec(f"{config.name}.states")]
    if module
    for machine in vars(importlib.import_module(f"{config.name}.states")).values()
    if isinstance(machine, Machine)
}


@given(st.sampled_from(sorted(MACHINES)), st.data())
def test_a_verb_leads_where_the_table_says_or_is_refused(name: str, data: st.DataObject) -> None:
    machine = MACHINES[name]
    state = data.draw(st.sampled_from(machine.states.values))
    for verb, transition in machine.transitions.items():
        if state in transition.sources:
            assert machine.target(verb, state) == transition.target
            assert verb in machine.verbs(state)
        else:
            with pytest.raises(Refused) as refusal:
                machine.target(verb, state)
            assert refusal.value.code == "state"
            assert verb not in machine.verbs(state)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_trigger_has_the_same_table(name: str) -> None:
    machine = MACHINES[name]
    allowed = {tuple(pair) for pair in machine.trigger().transitions}
    steps = {(s, t.target) for t in machine.transitions.values() for s in t.sources if s != t.target}
    assert allowed == steps


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_every_state_can_be_reached(name: str) -> None:
    """From the first member, or from the targets of an explicit start: no state stands alone."""
    machine = MACHINES[name]
    touched = {state for pair in machine.pairs() for state in pair}
    assert touched == set(machine.states.values)


def test_an_unknown_state_is_a_mistake_of_the_table() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Machine("x", SignUpState, [Transition("go", ("nowhere",), "cancelled", "self", "")])
