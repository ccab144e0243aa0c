"""The states of a service record and of a certificate (domain rules 1, 《志愿服务记录与证明出具办法（试行）》)."""

from qunli.kernel.states import Machine, Transition
from qunli.service_hours.enums import CertificateState, FindingState, RecordState, RoundState, StarState

RECORD = Machine(
    "service_record",
    RecordState,
    [
        Transition("sign_out", ("present",), "draft", "self", "the time actually given is known"),
        Transition("lapse", ("present",), "draft", "system", "over without a sign-out: the leader sets the time and says why"),
        Transition("submit", ("draft",), "submitted", "service_hours.record", "within 10 working days (11)"),
        Transition("send_back", ("submitted",), "draft", "service_hours.verify", "something is wrong with it: the leader mends it"),
        Transition("verify", ("submitted",), "verified", "service_hours.verify", "the organisation answers for it"),
        Transition("confirm", ("verified", "corrected"), "confirmed", "self", "the volunteer agrees"),
        Transition("dispute", ("verified", "corrected", "confirmed"), "disputed", "self", "the volunteer asks for correction (13)"),
        Transition("correct", ("disputed",), "corrected", "service_hours.verify", "verified again, then corrected (13)"),
        Transition("uphold", ("disputed",), "verified", "service_hours.verify", "verified again, and the hours stand (13)"),
        Transition(
            "void",
            ("present", "draft", "submitted", "verified", "confirmed", "disputed", "corrected"),
            "void",
            "service_hours.void",
            "what was not voluntary or not done is not recorded (19)",
        ),
    ],
)
OPEN = (RecordState.PRESENT, RecordState.DRAFT, RecordState.SUBMITTED)
"""Not in the ledger yet."""

FINDING = Machine(
    "finding",
    FindingState,
    [
        Transition("reply", ("open",), "answered", "self", "nobody is judged unheard: the volunteer or who ran the day replies"),
        Transition("uphold", ("open", "answered"), "upheld", "service_hours.judge", "it was not given: the hours are void (19)"),
        Transition("dismiss", ("open", "answered"), "dismissed", "service_hours.judge", "the hours stand"),
    ],
)

CERTIFICATE = Machine(
    "certificate",
    CertificateState,
    [
        Transition(
            "revoke", ("issued",), "revoked", "service_hours.void", "hours that it rests on are void, or it was issued in error"
        )
    ],
)

ROUND = Machine(
    "sampling_round",
    RoundState,
    [
        Transition("draw", ("drawing",), "open", "system", "what is drawn is work for who looks at it (21)"),
        Transition("find_none", ("drawing",), "empty", "system", "no counted record lies in the period"),
        Transition("close", ("open",), "closed", "service_hours.sample", "all of it is judged: the results are public (21)"),
    ],
)

STAR = Machine(
    "star_proposal",
    StarState,
    [
        Transition("grant", ("proposed",), "granted", "service_hours.grant_star", "the level that the rules name approves it"),
        Transition("refuse", ("proposed",), "refused", "service_hours.grant_star", "with a reason, which the volunteer reads"),
        Transition(
            "withdraw",
            ("proposed",),
            "withdrawn",
            "system",
            "the hours no longer carry it, a higher star is earned, or who it is for left",
        ),
    ],
)
