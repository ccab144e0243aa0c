"""A record as a program sees it: the name is masked but for one's own and for who answers for the activity."""

from django.http import HttpRequest

from qunli.audit.services import looked
from qunli.kernel.http import actor_of, or_404
from qunli.kernel.masking import mask_name
from qunli.service_hours import perms, selectors
from qunli.service_hours.api.schemas import RecordOut
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.perms import Permission


def record_out(record: ServiceRecord, *, named: bool) -> RecordOut:
    return RecordOut(
        id=record.pk,
        activity=record.activity_id,
        title=record.activity.title,
        team=record.activity.team.name,
        person=record.person.name if named else mask_name(record.person.name),
        **{
            name: getattr(record, name)
            for name in RecordOut.model_fields
            if name not in ("id", "activity", "title", "team", "person")
        },
    )


def visible(request: HttpRequest, record: int) -> ServiceRecord:
    return or_404(selectors.visible_record(record_id=record, actor=actor_of(request)))


def shown(request: HttpRequest, record: int) -> RecordOut:
    found = visible(request, record)
    actor = actor_of(request)
    own = perms.is_own(actor, found)
    named = own or perms.over(actor, Permission.RECORD, found.activity) or perms.over(actor, Permission.VERIFY, found.activity)
    if named and not own:
        looked("service_hours.record", f"record:{found.pk}", by=actor)
    return record_out(found, named=named)
