"""One's own data, and the officer's look-up within the range: masked, as on the pages."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field

from qunli.divisions.models import Division
from qunli.divisions.selectors import by_code
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of
from qunli.kernel.pages import paginate
from qunli.people import selectors, services
from qunli.people.enums import IdKind, Purpose, Sex
from qunli.people.models import Person
from qunli.people.perms import Permission

router = Router(tags=["people"])
Text = Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*$")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{12}$")]


class PersonOut(Schema):
    """Masked: number, phone and e-mail in full only by POST .../unmask."""

    id: int
    name: str
    sex: str
    birth_year: int | None
    id_kind: str
    id_number: str
    phone: str
    email: str
    division: str | None
    """Code of where the person lives."""


class PersonPage(Schema):
    items: list[PersonOut]
    next: str | None
    previous: str | None


class Unmasked(Schema):
    id_number: str
    phone: str
    email: str


class PersonReasonIn(Schema):
    reason: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class ContactIn(Schema):
    """What is left out stays as it is; an empty e-mail is removed."""

    phone: Text | None = None
    email: Text | None = None
    division: Code | None = None


class PersonIn(Schema):
    name: Text
    id_kind: IdKind
    id_number: Text
    phone: Text
    division: Code
    sex: Sex | None = None
    birth_date: date | None = None


class ConsentOut(Schema):
    purpose: str
    given_at: datetime | None
    wording: str | None
    """Version that was consented to."""
    current: str
    """Version in force."""
    text: str
    needed: bool


def _out(person: Person) -> PersonOut:
    return PersonOut(
        id=person.pk,
        name=person.name,
        sex=person.sex,
        birth_year=person.birth_date.year if person.birth_date else None,
        id_kind=person.id_kind,
        id_number=person.masked_id_number,
        phone=person.masked_phone,
        email=person.masked_email,
        division=person.division.code if person.division else None,
    )


def _mine(request: HttpRequest) -> Person:
    """The person of the token or session; 404 for an account without one."""
    return _visible(request, actor_of(request).person_id or 0)


def _visible(request: HttpRequest, person_id: int) -> Person:
    found = selectors.visible(actor_of(request)).filter(pk=person_id).first()
    if found is None:
        raise Http404
    return found


def _division(code: str | None) -> Division | None:
    if code is None:
        return None
    try:
        return by_code(code)
    except Division.DoesNotExist as error:
        raise Refused(_("没有现行的区划代码 %(code)s。") % {"code": code}, code="division", field="division") from error


@router.get("/me", response={200: PersonOut, **PROBLEMS}, auth=needs("people:read"), summary="One's own record, masked")
def me(request: HttpRequest) -> PersonOut:
    return _out(_mine(request))


@router.patch("/me", response={200: PersonOut, **PROBLEMS}, auth=needs("people:write"), summary="Change one's own contact data")
def change_me(request: HttpRequest, data: ContactIn) -> PersonOut:
    return _contact(request, _mine(request), data)


@router.get(
    "/me/consents", response={200: list[ConsentOut], **PROBLEMS}, auth=needs("people:read"), summary="What one has consented to"
)
def consents(request: HttpRequest) -> list[ConsentOut]:
    person = _mine(request)
    return [
        ConsentOut(
            purpose=line.purpose,
            given_at=line.consent.given_at if line.consent else None,
            wording=line.consent.wording if line.consent else None,
            current=line.wording.version,
            text=line.wording.text,
            needed=line.wording.needed,
        )
        for line in selectors.consent_lines(person, local_date(timezone.now()))
    ]


@router.put("/me/consents/{purpose}", response={204: None, **PROBLEMS}, auth=needs("people:write"), summary="Consent to a purpose")
def give_consent(request: HttpRequest, purpose: Purpose) -> Status[Any]:
    services.give_consent(person=_mine(request), purpose=purpose, by=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.delete("/me/consents/{purpose}", response={204: None, **PROBLEMS}, auth=needs("people:write"), summary="Withdraw a consent")
def withdraw_consent(request: HttpRequest, purpose: Purpose) -> Status[Any]:
    services.withdraw_consent(person=_mine(request), purpose=purpose, by=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/me/export", response={200: dict[str, Any], **PROBLEMS}, auth=needs("people:read"), summary="All that is held on one")
def export(request: HttpRequest) -> dict[str, Any]:
    """Everything in full; the look is in the audit."""
    return services.export(person=_mine(request), by=actor_of(request)).data()


@router.get("/", response={200: PersonPage, **PROBLEMS}, auth=needs("people:read"), summary="Look people up within one's range")
def people(request: HttpRequest, q: Annotated[str, Field(min_length=1, max_length=60)], cursor: str | None = None) -> PersonPage:
    """`q`: an identity number or phone in full, or a name or part of one."""
    actor = actor_of(request)
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE)
    page = paginate(selectors.search(q, actor=actor), order=("id",), cursor=cursor)
    return PersonPage(items=[_out(person) for person in page.items], next=page.next, previous=page.previous)


@router.post("/", response={201: PersonOut, **PROBLEMS}, auth=needs("people:write"), summary="Register somebody of one's range")
def register(request: HttpRequest, data: PersonIn) -> Status[Any]:
    actor, division = actor_of(request), _division(data.division)
    if division is None or not actor.has(Permission.REGISTER, division.path):
        raise Denied(Permission.REGISTER)
    made = services.register(
        name=data.name,
        id_kind=data.id_kind,
        id_number=data.id_number,
        phone=data.phone,
        sex=data.sex or "",
        birth_date=data.birth_date,
        division=division,
        by=actor,
        now=timezone.now(),
    )
    return Status(201, _out(made))


@router.get("/{person_id}", response={200: PersonOut, **PROBLEMS}, auth=needs("people:read"), summary="A record, masked")
def person(request: HttpRequest, person_id: Id) -> PersonOut:
    return _out(_visible(request, person_id))


@router.patch("/{person_id}", response={200: PersonOut, **PROBLEMS}, auth=needs("people:write"), summary="Change contact data")
def change(request: HttpRequest, person_id: Id, data: ContactIn) -> PersonOut:
    return _contact(request, _visible(request, person_id), data)


@router.post("/{person_id}/unmask", response={200: Unmasked, **PROBLEMS}, summary="Number, phone and e-mail in full")
def unmask(request: HttpRequest, person_id: Id, data: PersonReasonIn) -> Unmasked:
    """For a signed-in browser only, with a reason where the record is another's; the look is in the audit."""
    shown = services.unmask(person=_visible(request, person_id), reason=data.reason, by=actor_of(request))
    return Unmasked(**shown._asdict())


def _contact(request: HttpRequest, person: Person, data: ContactIn) -> PersonOut:
    changed = services.update_contact(
        person=person,
        phone=data.phone,
        email=data.email,
        division=_division(data.division),
        by=actor_of(request),
        now=timezone.now(),
    )
    return _out(changed)
