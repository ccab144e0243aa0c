"""What the pages of the day take along into a dead spot (离线): the leader's codes of the next hours, and a ticket that binds
what is noted there to the person, the activity and the time since which the page was open. Why so: docs/decisions/dead-spot.md.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing

from qunli.kernel import codes
from qunli.kernel.ciphers import blind_index
from qunli.service_hours.windows import OPENS_BEFORE, Span

STEP = timedelta(seconds=30)
AHEAD, BACK = 1, 1
"""Windows of `STEP` by which a code may be off: both clocks are right by a few seconds, and somebody reads and types."""
CODES_AFTER = timedelta(hours=1)
"""Codes are handed out until this long after the end, for the sign-out."""
CODES_FOR = timedelta(hours=12)
"""The most that a screen takes along."""
SENT_WITHIN = timedelta(hours=settings.LATE_HOURS)
"""What is older when it arrives is left to the leader, who sets the time with a reason. A ticket is good for as long."""
SLACK = timedelta(seconds=60)
"""A device's clock, set right by the server's, may be off by this much."""
_SALT = "service_hours.offline"


def whose(person_id: int) -> str:
    """Whose a device's notes are, without saying who: nobody sends another's, on a device that several use."""
    return blind_index("offline", str(person_id)).hex()[:16]


def ticket(*, person_id: int, activity_id: int, now: datetime) -> str:
    """Signed: this person had this activity's page open at `now`."""
    return signing.dumps([whose(person_id), activity_id, int(now.timestamp())], salt=_SALT)


def issued_at(text: str, *, person_id: int, activity_id: int) -> datetime | None:
    """When the ticket was given; None for one that is not ours, another person's or another activity's."""
    try:
        owner, activity, moment = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if (owner, activity) != (whose(person_id), activity_id):
        return None
    return datetime.fromtimestamp(moment, UTC)


def codes_ahead(*, seed: bytes, span: Span, now: datetime) -> tuple[datetime, list[str]]:
    """Beginning of the first code's window, and the codes one after the other; none when signing in is far away or all is over.

    A list instead of the seed: it ends, and a device that is lost gives away this activity's next hours, which its leader may
    sign people in for anyway, and nothing more.
    """
    first = max(now, span.starts_at - OPENS_BEFORE)
    until = min(span.ends_at + CODES_AFTER, now + CODES_FOR)
    begin = datetime.fromtimestamp(first.timestamp() // STEP.total_seconds() * STEP.total_seconds(), UTC)
    return begin, [codes.rotating_code(seed, begin + STEP * n) for n in range(max(0, -(-(until - begin) // STEP)))]


def was_code(*, seed: bytes, code: str, at: datetime) -> bool:
    """Whether the leader's screen showed `code` at `at`, give or take a window."""
    return codes.matches(seed, code, at + STEP * AHEAD, drift=AHEAD + BACK)
