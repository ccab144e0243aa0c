"""Finding people. Whatever is shown to somebody goes through `visible_to`; the functions that do not say so."""

from contextlib import suppress
from datetime import date
from typing import NamedTuple

from django.db.models import Q, QuerySet

from qunli.kernel import words
from qunli.kernel.actor import Actor
from qunli.kernel.ciphers import blind_index
from qunli.kernel.errors import Refused
from qunli.kernel.fields import Characters
from qunli.people import wordings
from qunli.people.enums import IdKind, Purpose
from qunli.people.identity import age_on, digest_text, kind_of_number, normal_phone, parse_document
from qunli.people.models import Consent, Duplicate, Guardianship, Merge, Person
from qunli.people.perms import Permission
from qunli.people.registry import counted, references
from qunli.people.wordings import Wording

ADULT = 18
CHILD = 14
"""Below it all data are sensitive and only a guardian consents (PIPL 28, 31)."""
OWN_INCOME = 16
"""From it a minor who lives on own income counts as an adult (Civil Code 18)."""


def identity_digest(kind: str, number: str) -> bytes:
    """The blind index of a document's normal number."""
    return blind_index("identity", digest_text(kind, number))


def phone_digest(phone: str) -> bytes:
    """The blind index of a normal phone number."""
    return blind_index("phone", phone)


def find_by_identity(kind: str, number: str) -> Person | None:
    """The person with this document, whoever asks: for services, not pages. Raises Refused for what is no number of this kind."""
    document = parse_document(kind, number)
    return Person.objects.alive().filter(id_digest=identity_digest(kind, document.normal)).first()


def find_by_phone(phone: str) -> list[Person]:
    """Everybody with this phone (a family may share one), whoever asks: for services, not for pages."""
    return list(Person.objects.alive().filter(phone_digest=phone_digest(normal_phone(phone))).order_by("id"))


def visible(actor: Actor) -> QuerySet[Person]:
    """The people whom `actor` may look up, with where they live."""
    return Person.objects.visible_to(actor).alive().select_related("division")


def search(text: str, *, actor: Actor) -> QuerySet[Person]:
    """People among the visible ones by what was typed: an identity number, a phone, or a name or part of one. Not ordered."""
    text = words.normal(text).strip()
    found = visible(actor)
    if not text:
        return found.none()
    if any(letter.isdigit() for letter in text):
        return found.filter(_exact(text))
    return found.alias(characters=Characters("name")).filter(characters__contains=_characters(text), name__icontains=text)  # type: ignore[misc]


def _characters(text: str) -> list[str]:
    # Han has no case; of Latin names only what has none either can be asked of the index.
    return sorted({letter for letter in text if not letter.isascii() and letter.isalnum()})


def _exact(text: str) -> Q:
    condition = Q(pk__in=[])
    with suppress(Refused):
        condition |= Q(phone_digest=phone_digest(normal_phone(text)))
    compact = text.upper().replace(" ", "")
    kinds = [kind_of_number(compact)] if len(compact) == 18 else [IdKind.PASSPORT, IdKind.PERMANENT_RESIDENCE]
    return condition | Q(id_digest__in=[identity_digest(kind, compact) for kind in kinds])


def guardians(person: Person) -> QuerySet[Guardianship]:
    """Who answers for the person now."""
    return person.guardianships.filter(until=None).select_related("guardian").order_by("since", "id")


def wards(person: Person) -> QuerySet[Guardianship]:
    """For whom the person answers now."""
    return person.wards.filter(until=None).select_related("minor").order_by("since", "id")


def has_consent(person: Person, purpose: str) -> bool:
    """Whether consent to this purpose is in force."""
    return Consent.objects.filter(person=person, purpose=purpose, withdrawn_at=None).exists()


def minors_consent(person: Person) -> Consent | None:
    """The guardian's consent to the minor's service that is in force."""
    return Consent.objects.filter(person=person, purpose=Purpose.MINOR, withdrawn_at=None).select_related("given_by").first()


def counts_as_adult(person: Person, on: date) -> bool:
    """18 or older, or 16 and living on own income as was checked. A person without a birth date counts as none."""
    if person.birth_date is None:
        return False
    age = age_on(person.birth_date, on)
    return age >= ADULT or (age >= OWN_INCOME and person.self_supporting_on is not None)


def missing_for_minor(person: Person, on: date) -> bool:
    """Whether the guardian's consent is needed on that day and not there."""
    return not counts_as_adult(person, on) and not has_consent(person, Purpose.MINOR)


class ConsentLine(NamedTuple):
    """One purpose as the page shows it: the text, and the consent that is in force."""

    purpose: Purpose
    wording: Wording
    consent: Consent | None
    outdated: bool
    """The consent was given to an older text than today's."""


def consent_lines(person: Person, on: date) -> list[ConsentLine]:
    """All purposes with the consent in force; that of minors only where it applies."""
    held = {c.purpose: c for c in Consent.objects.filter(person=person, withdrawn_at=None).select_related("given_by")}
    lines = []
    for purpose in Purpose:
        consent = held.get(purpose)
        if purpose == Purpose.MINOR and consent is None and counts_as_adult(person, on):
            continue
        wording = wordings.current(purpose, on)
        lines.append(ConsentLine(purpose, wording, consent, consent is not None and consent.wording != wording.version))
    return lines


def open_duplicates(actor: Actor) -> QuerySet[Duplicate]:
    """Suspected duplicates of which the actor may merge both."""
    mine = Person.objects.reached_by(actor, Permission.MERGE).alive().exclude(pk=actor.person_id or 0)
    return Duplicate.objects.filter(decision="", one__in=mine, other__in=mine).select_related("one__division", "other__division")


def merges(actor: Actor) -> QuerySet[Merge]:
    """Merges that the actor may undo."""
    mine = Person.objects.reached_by(actor, Permission.MERGE)
    return Merge.objects.filter(kept__in=mine, undone_at=None).select_related("kept", "gone")


def may_confirm_own_income(person: Person, actor: Actor, on: date) -> bool:
    """Whether the page offers to confirm that a minor of 16 or 17 lives on own income."""
    if person.birth_date is None or person.self_supporting_on is not None:
        return False
    path = person.division.path if person.division else ""
    return OWN_INCOME <= age_on(person.birth_date, on) < ADULT and actor.has(Permission.REGISTER, path)


def summary(person: Person) -> list[tuple[str, int]]:
    """How many rows of each kind hang on the person: what a merge would move."""
    asked = [r for r in references(Person) if r.model is not Person and not r.acting]
    numbers = counted([r.model._base_manager.filter(**{r.field.attname: person.pk}) for r in asked])
    found: dict[str, int] = {}
    for reference, number in zip(asked, numbers, strict=True):
        if number:
            label = str(reference.model._meta.verbose_name)
            found[label] = found.get(label, 0) + number
    return sorted(found.items())
