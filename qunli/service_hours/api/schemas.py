"""What goes in and comes out."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Query, Schema
from pydantic import AwareDatetime, Field

from qunli.kernel.api import Id
from qunli.service_hours.enums import ServedRole

Words = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Short = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str | None, Query(max_length=1000, pattern=r"^[^\x00]*$")]


class PlaceIn(Schema):
    """WGS-84 degrees and the accuracy in metres, as a phone reports them. Only the distance is kept."""

    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    accuracy: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False)


class PresenceIn(Schema):
    """The code of the leader's screen, or the place (which wants the consent to the use of the place)."""

    code: Short = ""
    place: PlaceIn | None = None


class ForIn(Schema):
    """Now when `at` is left out; another time wants a reason."""

    at: AwareDatetime | None = None
    reason: Words = ""


class WalkInIn(Schema):
    volunteer: Short
    """Number of the volunteer."""


class ReasonIn(Schema):
    reason: Words


class TimesIn(Schema):
    signed_in_at: AwareDatetime
    signed_out_at: AwareDatetime
    reason: Words


class KeysIn(Schema):
    records: Annotated[list[Id], Field(min_length=1, max_length=500)]


class PeriodIn(Schema):
    """Both days included, dates of Asia/Shanghai."""

    since: date
    until: date
    volunteer: Short = ""
    """Number of another volunteer, for who may issue for others; left out: oneself."""


class RecordOut(Schema):
    id: int
    activity: int
    title: str
    team: str
    person: str
    """Masked but for one's own and for who runs or verifies the activity."""
    state: str
    signed_in_at: datetime
    signed_out_at: datetime | None
    in_method: str
    out_method: str
    in_distance: int | None
    out_distance: int | None
    minutes: int
    due_on: date
    state_reason: str
    dispute_reason: str


class ReasonOut(Schema):
    text: str
    clause: str
    holds: str


class ConfidenceOut(Schema):
    """How far the hours can be trusted, by which rules, tried from the first to the one that decided."""

    grade: str
    label: str
    rules: str
    reasons: list[ReasonOut]
    facts: dict[str, bool | int]


class ServedIn(Schema):
    """Whose phone gets the question: of the person served (or family), or of the institution."""

    phone: Short
    role: ServedRole = ServedRole.PERSON


class ServedCodeIn(Schema):
    code: Short


class PhotoOut(Schema):
    id: int
    file: UUID | None
    """Of the picture at /files/; nothing when it was taken away."""
    fits: bool
    """Neither its place nor its time speak against it."""
    distance: int | None
    taken_at: datetime | None
    added_at: datetime


class StatementOut(Schema):
    id: int
    role: str
    contact: str
    """The masked phone."""
    asked_at: datetime
    valid_until: datetime
    answer: str
    answered_at: datetime | None
    way: str
    there: bool | None
    """Of this record; nothing before the answer."""


class EvidenceOut(Schema):
    photos: list[PhotoOut]
    statements: list[StatementOut]


class ReplyIn(Schema):
    reply: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


class DecisionIn(Schema):
    decision: Literal["uphold", "dismiss"]
    reason: Words


class FindingOut(Schema):
    id: int
    record: int
    activity: int
    title: str
    team: str
    kind: str
    """Key of the rule."""
    text: str
    severity: str
    state: str
    found_on: date
    reply_until: date


class FindingDetail(FindingOut):
    person: str
    """Masked but for one's own and for who runs or verifies the activity."""
    clause: str
    rules: str
    facts: dict[str, bool | int]
    """What the rule looked at."""
    others: list[int]
    """Other records that it is about, as far as one may see them."""
    reply: str
    replied_at: datetime | None
    reason: str
    decided_at: datetime | None


class FindingPage(Schema):
    items: list[FindingOut]
    next: str | None
    previous: str | None


class RecordPage(Schema):
    items: list[RecordOut]
    next: str | None
    previous: str | None


class EntryOut(Schema):
    id: int
    record: int
    title: str
    kind: str
    minutes: int
    reason: str
    created_at: datetime


class EntryPage(Schema):
    items: list[EntryOut]
    next: str | None
    previous: str | None


class TotalsOut(Schema):
    minutes: int
    services: int
    pending: int
    pending_minutes: int
    disputed: int
    stars: int


class CodeOut(Schema):
    code: str
    seconds_left: int


class AttendanceOut(Schema):
    sign_up: int
    name: str
    post: str
    presence: str
    """expected, present or out."""
    record: int | None
    signed_in_at: datetime | None
    signed_out_at: datetime | None


class RefusedOut(Schema):
    record: int
    code: str
    message: str


class DoneOut(Schema):
    """What became of several records."""

    done: list[int]
    refused: list[RefusedOut]


class WaitingOut(Schema):
    activity: int
    title: str
    team: str
    records: int
    minutes: int
    due_on: date | None


class WaitingPage(Schema):
    items: list[WaitingOut]
    next: str | None
    previous: str | None


class CertificateOut(Schema):
    number: str
    state: str
    minutes: int
    since: date
    until: date
    issuer: str
    issued_at: datetime
    revoked_at: datetime | None
    revoked_reason: str
    sha256: str
    """Of the file, in hexadecimal."""


class CertificatePage(Schema):
    items: list[CertificateOut]
    next: str | None
    previous: str | None


class PaperOut(Schema):
    number: str
    name: str
    minutes: int
    since: date
    until: date
    issuer: str
    issued_at: datetime
    revoked_at: datetime | None


class VerdictOut(Schema):
    verdict: str
    """valid, revoked, unknown_number, no_number, altered, forged, unknown_file, not_pdf, unreadable, too_large or empty."""
    number: str
    paper: PaperOut | None
