"""The verbs of the room: the day itself, the record, the ledger, the certificates."""

from qunli.service_hours.services.certificates import issue, revoke
from qunli.service_hours.services.day import Place, add_walk_in, sign_in, sign_in_for, sign_out, sign_out_for
from qunli.service_hours.services.deadlines import chase, lapse
from qunli.service_hours.services.findings import dismiss, reply_to, uphold_finding
from qunli.service_hours.services.late import Statement, sign_late, sign_late_for
from qunli.service_hours.services.records import (
    confirm,
    correct,
    dispute,
    send_back,
    set_times,
    submit,
    uphold,
    verify,
    void,
)

__all__ = [
    "Place",
    "Statement",
    "add_walk_in",
    "chase",
    "confirm",
    "correct",
    "dismiss",
    "dispute",
    "issue",
    "lapse",
    "reply_to",
    "revoke",
    "send_back",
    "set_times",
    "sign_in",
    "sign_in_for",
    "sign_late",
    "sign_late_for",
    "sign_out",
    "sign_out_for",
    "submit",
    "uphold",
    "uphold_finding",
    "verify",
    "void",
]
