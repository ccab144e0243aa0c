"""The states of a case and of the pressure on it (domain rules 5: Sichuan 12345 and the reference city's practice)."""

from qunli.cases.enums import IN_WORK, CaseState, Pressure
from qunli.kernel.states import Machine, Transition

CASE = Machine(
    "case",
    CaseState,
    [
        Transition("refuse", ("received",), "not_accepted", "cases.dispatch", "not to be accepted by the rules, and told why"),
        Transition("dispatch", ("received", "returned", "reopened"), "dispatched", "cases.dispatch", "by the duty catalogue"),
        Transition("take", ("dispatched",), "signed_for", "cases.handle", "the unit answers for it from now on"),
        Transition("return", ("dispatched", "signed_for"), "returned", "cases.handle", "not its duty, with a reason"),
        Transition("handle", ("signed_for",), "handling", "cases.handle", "the work has begun"),
        Transition("reply", ("signed_for", "handling"), "replied", "cases.handle", "text, channel and time"),
        Transition(
            "visit_back", ("replied",), "visited_back", "cases.dispatch", "the requester was asked, or not reached three times"
        ),
        Transition("rate", ("replied", "visited_back"), "rated", "self", "solved or not, satisfied or not"),
        Transition("reopen", ("rated",), "reopened", "self", "not solved or not satisfied"),
        Transition("archive", ("rated", "visited_back"), "archived", "cases.dispatch", "answered, and rated or not reached"),
        Transition("merge", tuple(IN_WORK), "merged", "cases.dispatch", "a repeat of a lead case"),
        Transition("split_off", ("merged",), "received", "cases.dispatch", "it was no repeat"),
        Transition("withdraw", tuple(IN_WORK), "withdrawn", "self", "the requester needs it no more"),
    ],
)
PRESSURE = Machine(
    "case_pressure",
    Pressure,
    [
        Transition("fall_due", ("calm",), "overdue", "system", "the deadline has passed"),
        Transition("urge", ("calm", "overdue"), "urged", "self", "the requester asks, or it is still overdue"),
        Transition("supervise", ("calm", "overdue", "urged"), "supervised", "cases.supervise", "the level above watches"),
        Transition("relieve", ("overdue", "urged", "supervised"), "calm", "system", "a new deadline, or answered"),
    ],
)
