"""What can be done with a case. Other rooms call these, and declare their kinds with `register_kind`."""

from qunli.cases.kinds import CaseKind, Panel, Unit, matters, register_kind
from qunli.cases.services.answering import archive, rate, reopen, reply, visit_back
from qunli.cases.services.attaching import attach
from qunli.cases.services.dispatching import decline, dispatch, extend, give_back, hand_up, refuse, take
from qunli.cases.services.handling import begin, contact, note_held, report
from qunli.cases.services.joining import merge, split, split_off
from qunli.cases.services.pressing import press, supervise, tidy, urge
from qunli.cases.services.receiving import Asked, Contact, end_with_person, receive, withdraw

__all__ = [
    "Asked",
    "CaseKind",
    "Contact",
    "Panel",
    "Unit",
    "archive",
    "attach",
    "begin",
    "contact",
    "decline",
    "dispatch",
    "end_with_person",
    "extend",
    "give_back",
    "hand_up",
    "matters",
    "merge",
    "note_held",
    "press",
    "rate",
    "receive",
    "refuse",
    "register_kind",
    "reopen",
    "reply",
    "report",
    "split",
    "split_off",
    "supervise",
    "take",
    "tidy",
    "urge",
    "visit_back",
    "withdraw",
]
