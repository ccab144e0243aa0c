"""What the pages share."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.service_hours.services.records import Done


def actor_of(request: HttpRequest) -> Actor:
    """Who acts: set by `access.middleware`."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def said(done: Done) -> list[str]:
    """What did not go through, one line for each reason."""
    reasons: dict[str, int] = {}
    for _record, refused in done.refused:
        reasons[str(refused.message)] = reasons.get(str(refused.message), 0) + 1
    return [_("%(count)d 条没有办理：%(reason)s") % {"count": count, "reason": reason} for reason, count in reasons.items()]


def only(done: Done) -> None:
    """Of a single record: raise what refused it."""
    for _record, refused in done.refused:
        raise Refused(refused.message, code=refused.code, field=refused.field)
