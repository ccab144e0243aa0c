"""What the pages share."""

from django.utils.translation import gettext as _

from qunli.service_hours.services.records import Done


def said(done: Done) -> list[str]:
    """What did not go through, one line for each reason."""
    reasons: dict[str, int] = {}
    for _record, refused in done.refused:
        reasons[str(refused.message)] = reasons.get(str(refused.message), 0) + 1
    return [_("%(count)d 条没有办理：%(reason)s") % {"count": count, "reason": reason} for reason, count in reasons.items()]
