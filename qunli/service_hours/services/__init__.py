"""The verbs of the room: the day itself, the record, the ledger, the certificates."""

from qunli.service_hours.due import tally as tally_due
from qunli.service_hours.reversals import on_reversal
from qunli.service_hours.services.certificates import issue, revoke
from qunli.service_hours.services.day import Place, add_walk_in, sign_in, sign_in_for, sign_out, sign_out_for
from qunli.service_hours.services.deadlines import chase, lapse
from qunli.service_hours.services.duty import load_duty
from qunli.service_hours.services.findings import dismiss, reply_to, uphold_finding
from qunli.service_hours.services.late import Statement, sign_late, sign_late_for
from qunli.service_hours.services.photos import add_photo, remove_photo
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
from qunli.service_hours.services.sampling import check_item, close_round, draw_round, plan_round
from qunli.service_hours.services.served import ask_served, say_served, tell_code
from qunli.service_hours.services.stars import grant_stars, refuse_stars
from qunli.service_hours.stars.keeping import keep_all as keep_stars

__all__ = [
    "Place",
    "Statement",
    "add_photo",
    "add_walk_in",
    "ask_served",
    "chase",
    "check_item",
    "close_round",
    "confirm",
    "correct",
    "dismiss",
    "dispute",
    "draw_round",
    "grant_stars",
    "issue",
    "keep_stars",
    "lapse",
    "load_duty",
    "on_reversal",
    "plan_round",
    "refuse_stars",
    "remove_photo",
    "reply_to",
    "revoke",
    "say_served",
    "send_back",
    "set_times",
    "sign_in",
    "sign_in_for",
    "sign_late",
    "sign_late_for",
    "sign_out",
    "sign_out_for",
    "submit",
    "tally_due",
    "tell_code",
    "uphold",
    "uphold_finding",
    "verify",
    "void",
]
