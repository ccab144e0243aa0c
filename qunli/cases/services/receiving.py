"""Receiving a case, taking it back, and what becomes of cases when a person is erased."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.cases import numbers
from qunli.cases.clocks import clocks_on
from qunli.cases.duties import Matter, emergency_in
from qunli.cases.enums import IN_WORK
from qunli.cases.kinds import kind_of
from qunli.cases.models import Case
from qunli.cases.perms import Permission, is_own
from qunli.cases.steps import locked, note_event, step, tell_desk, tell_requester, tell_units
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.kernel.ciphers import blind_index
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import normal
from qunli.people.identity import normal_phone
from qunli.people.models import Person


@dataclass(frozen=True)
class Contact:
    """Who asks and has no record here."""

    name: str
    phone: str = ""


@dataclass(frozen=True)
class Asked:
    """What is asked for. `subject` is a key of the caller ("enterprise:7")."""

    matter: str
    division: Division
    title: str
    text: str
    place: str = ""
    urgent: bool = False
    subject: str = ""
    no_emergency: bool = False
    """The asker was told whom to call, and says that it is none."""


def receive(
    *, kind: str, asked: Asked, requester: Person | None = None, contact: Contact | None = None, by: Actor, now: datetime
) -> Case:
    """Open a case: by the requester, or by somebody of the office for a person or for who is only a name and a phone.

    The desk is the office of the division, or of its district when the catalogue says that it is a department's work. Raises
    Refused with code "emergency" and the number to call when the text speaks of one.
    """
    matter = _checked(kind, asked)
    own = requester is not None and requester.pk == by.person_id
    if not (by.has(Permission.ASK) if own else by.has(Permission.DISPATCH, path=asked.division.path)):
        raise Denied(Permission.ASK if own else Permission.DISPATCH, _("替别人提出诉求"))
    if requester is None and contact is None:
        raise Refused(_("请填写是谁的诉求。"), code="requester", field="name")
    today = local_date(now)
    clocks = clocks_on(today)
    due = clocks.reply_by(matter.nature, today).date
    desk = _desk(asked.division, matter)
    phone = normal_phone(contact.phone) if contact is not None and contact.phone else None
    case = Case(
        kind=kind, subject=asked.subject, matter=matter.key, nature=matter.nature, duty=matter.duty, division=asked.division,
        title=asked.title.strip()[:60], text=asked.text.strip(), place=asked.place.strip() or None,
        place_digest=place_digest(asked.division, asked.place), requester=requester,
        contact_name=contact.name.strip() if contact is not None else None, contact_phone=phone,
        contact_digest=blind_index("phone", phone) if phone else None, entered_by_id=None if own else by.person_id,
        urgent=asked.urgent, state_since=now, desk=desk, owner_division=desk, due_on=due, promised_on=due, received_at=now,
        clocks_id=clocks.clocks, follow_up_id=clocks.follow_up,
    )  # fmt: skip
    with transaction.atomic():
        _number(case, now)
        note_event(case, "receive", by=by, now=now)
        tell_requester(case, "cases/received")
        tell_desk(case, "cases/to_dispatch", now)
    return case


def _checked(kind: str, asked: Asked) -> Matter:
    matter = kind_of(kind).matters.get(asked.matter)
    if matter is None:
        raise Refused(_("请选择要办的事。"), code="matter", field="matter")
    if len(asked.title.strip()) < 2:
        raise Refused(_("请用几个字说明要办什么事。"), code="title", field="title")
    if len(asked.text.strip()) > 2000:
        raise Refused(_("最多 2000 个字。"), code="text", field="text")
    if not asked.no_emergency and (found := emergency_in(f"{asked.title} {asked.text}")):
        raise Refused(
            _("听起来像紧急情况（%(what)s）。请马上拨打 %(number)s。如果不紧急，请勾选“不是紧急情况”再提交。")
            % {"what": found.name, "number": found.number},
            code="emergency",
            field="text",
            number=found.number,
        )
    return matter


def _desk(division: Division, matter: Matter) -> Division:
    """The office that receives: of the division, or the nearest above that answers for the matter."""
    node = tree().by_id[division.pk]
    while node.level > max(matter.level, Level.CITY) and node.parent_id is not None:
        node = tree().by_id[node.parent_id]
    return division if node.id == division.pk else Division.objects.get(pk=node.id)


def place_digest(division: Division, place: str) -> bytes | None:
    """Finds the same address in the same division; nothing for no address."""
    plain = "".join(letter for letter in normal(place) if letter.isalnum())
    return blind_index("place", f"{division.code} {plain}") if plain else None


def _number(case: Case, now: datetime) -> None:
    for attempt in range(5):
        case.number = numbers.make(local_date(now))
        try:
            with transaction.atomic():
                case.save(force_insert=True)
            return
        except IntegrityError as error:
            if "number" not in str(error) or attempt == 4:
                raise


def withdraw(*, case: Case, by: Actor, now: datetime) -> None:
    """The requester needs it no more, before it was answered."""
    with transaction.atomic():
        current = locked(case)
        if not is_own(by, current):
            raise Denied(Permission.ASK, _("撤回别人的诉求"))
        worked_on = current.state in ("signed_for", "handling", "dispatched")
        step(current, "withdraw", by=by, now=now)
        if worked_on and current.owner_unit:
            tell_units(current, [current.owner_unit], "cases/withdrawn", now)
    case.refresh_from_db()


def end_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """An erased person's open cases end; what was answered says nothing of the person any more."""
    for case in Case.objects.filter(requester=person, state__in=IN_WORK):
        current = locked(case)
        if current.state in IN_WORK:
            step(current, "withdraw", by=by, now=now)
    for case in Case.objects.filter(requester=person, reply__isnull=False).select_related("reply"):
        assert case.reply is not None
        case.reply.text = "已按本人要求删除"
        case.reply.save(update_fields=["text"])
