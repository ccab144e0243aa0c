"""The state machines of the room, as data."""

from qunli.kernel.states import Machine, Transition
from qunli.volunteering.enums import (
    ActivityState,
    InvitationState,
    MembershipState,
    PlanState,
    SignUpState,
    TeamState,
    VolunteerState,
)

VOLUNTEER = Machine(
    "volunteer",
    VolunteerState,
    [
        Transition(
            "suspend", ("active",), "suspended", "volunteering.manage_volunteers", "repeated no-shows, or an inquiry under way"
        ),
        Transition("restore", ("suspended",), "active", "volunteering.manage_volunteers", "the reason is gone"),
        Transition("deregister", ("active", "suspended"), "deregistered", "self", "the person's own wish; records are kept"),
        Transition("register_again", ("deregistered",), "active", "self", "the same number and hours come back"),
        Transition("register_again_suspended", ("deregistered",), "suspended", "self", "leaving lifts no suspension"),
    ],
)
TEAM = Machine(
    "team",
    TeamState,
    [
        Transition("approve", ("applied",), "active", "volunteering.approve_team", "the level above has checked it"),
        Transition("reject", ("applied",), "rejected", "volunteering.approve_team", "with a reason"),
        Transition("apply_again", ("rejected",), "applied", "self", "mended"),
        Transition("dissolve", ("active",), "dissolved", "volunteering.approve_team", "records are kept"),
    ],
)
MEMBERSHIP = Machine(
    "membership",
    MembershipState,
    [
        Transition("approve", ("applied",), "active", "volunteering.lead_team", "the team takes the volunteer in"),
        Transition("reject", ("applied",), "rejected", "volunteering.lead_team", "with a reason"),
        Transition("leave", ("applied", "active"), "left", "self", "nobody is held by force (条例 25)"),
    ],
)
ACTIVITY = Machine(
    "activity",
    ActivityState,
    [
        Transition("submit", ("draft", "returned"), "submitted", "volunteering.lead_team", "asks the level above"),
        Transition("approve", ("submitted",), "published", "volunteering.approve_activity", "open for sign-up"),
        Transition("return", ("submitted",), "returned", "volunteering.approve_activity", "with a reason"),
        Transition(
            "cancel",
            ("draft", "submitted", "returned", "published"),
            "cancelled",
            "volunteering.lead_team",
            "everyone signed up is told",
        ),
        Transition("close", ("published",), "closed", "system", "its time is over"),
    ],
)
SIGN_UP = Machine(
    "sign_up",
    SignUpState,
    [
        Transition("promote", ("waiting",), "confirmed", "system", "a place became free"),
        Transition("cancel", ("confirmed", "waiting"), "cancelled", "self", "before the start"),
        Transition("attend", ("confirmed", "no_show"), "attended", "system", "signed in on the spot, or corrected afterwards"),
        Transition("miss", ("confirmed",), "no_show", "system", "the activity ended without a sign-in"),
    ],
)
INVITATION = Machine(
    "invitation",
    InvitationState,
    [
        Transition("accept", ("sent",), "accepted", "self", "an ordinary sign-up follows in the same transaction"),
        Transition("decline", ("sent",), "declined", "self", "with a reason that counts next time"),
        Transition("expire", ("sent",), "expired", "system", "no answer in time"),
        Transition("withdraw", ("sent",), "withdrawn", "system", "the activity was called off, or two records became one"),
    ],
)
PLAN = Machine(
    "plan",
    PlanState,
    [
        Transition("compute", ("queued",), "ready", "system", "the best assignment is found and proved"),
        Transition("fail", ("queued",), "failed", "system", "the program could not compute it"),
        Transition("send", ("ready",), "sent", "volunteering.assign", "everybody of the plan is invited"),
        Transition("discard", ("ready", "failed"), "discarded", "volunteering.assign", "another plan is better"),
    ],
)
