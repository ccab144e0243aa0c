"""Who has looked at what is masked of a person, in words that the person can use: by office, not by the number of an account."""

from datetime import date, datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.audit import selectors as audit_selectors
from qunli.kernel.clock import local_date
from qunli.people.models import Person
from qunli.people.registry import registered

NAMES = {
    "people.identity": gettext_lazy("完整的证件号码和联系方式"),
    "people.export": gettext_lazy("保存的全部资料"),
    "rules.facts": gettext_lazy("用于规则试算的事实"),
    "rules.decision": gettext_lazy("按规则作出的决定"),
    "audit.events": gettext_lazy("审计日志里有关的记录"),
}
"""What was looked at, by the name of the look: `room.what`."""


class LookLine(NamedTuple):
    when: datetime
    who: str
    """The office that was held on that day and its place; "本人", "监护人"."""
    what: str
    reason: str


def look_lines(person: Person, limit: int = 200) -> list[LookLine]:
    """The latest looks at a person's data, newest first."""
    looks = audit_selectors.looks_at(f"person:{person.pk}", limit=limit)
    asked = {(look.person_id, local_date(look.when)) for look in looks if look.person_id not in (None, person.pk)}
    offices: dict[tuple[int, date], str] = {}
    guardians: set[int] = set()
    if asked:
        for describe in registered.describers:
            offices |= describe({(pk, day) for pk, day in asked if pk is not None})
        guardians = set(person.guardianships.values_list("guardian_id", flat=True))

    def who(person_id: int | None, day: date) -> str:
        if person_id is None:
            return _("系统")
        if person_id == person.pk:
            return _("本人")
        return _("监护人") if person_id in guardians else offices.get((person_id, day), _("没有职务的人员"))

    return [
        LookLine(look.when, who(look.person_id, local_date(look.when)), str(NAMES.get(look.what, look.what)), look.reason)
        for look in looks
    ]
