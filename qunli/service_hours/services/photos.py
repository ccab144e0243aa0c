"""Photos of an attendance: kept through the room `files`, measured against place and time of the activity."""

from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.audit.services import record as audit
from qunli.files import services as files
from qunli.kernel import geo
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.service_hours import perms
from qunli.service_hours.enums import RecordState
from qunli.service_hours.models import Photo, ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.volunteering.models import Activity

MOST = 6
"""Photos of one attendance."""


def check_may_add(*, record: ServiceRecord, by: Actor, now: datetime, field: str) -> None:
    """Evidence is added by the volunteer or who runs the day, as long as the record may be completed (办法 11).

    Raises Denied; Refused at `field`: "state", "over".
    """
    if not perms.may_add_evidence(by, record):
        raise Denied(Permission.RECORD, _("只有志愿者本人和活动的负责人可以补充证据。"))
    if record.state == RecordState.VOID:
        raise Refused(_("这条服务记录已撤销。"), code="state", field=field)
    if local_date(now) > record.due_on:
        raise Refused(_("证据要在活动结束后 10 个工作日内补充，期限已过。"), code="over", field=field)


def add_photo(*, record: ServiceRecord, upload: "UploadedFile[Any]", by: Actor, now: datetime) -> Photo:
    """Keep a photo of the person at the service. The same picture again changes nothing.

    Raises Denied; Refused at "file": what `files` refuses, "kind", "state", "over", "most", "used" (it shows another activity).
    """
    check_may_add(record=record, by=by, now=now, field="file")
    origin = files.photo_origin(upload)
    try:
        with transaction.atomic():
            found = ServiceRecord.objects.select_for_update(of=("self",)).select_related("activity", "person").get(pk=record.pk)
            attachment = files.store(upload=upload, owner=found.person, subject=f"record:{found.pk}", by=by)
            known = Photo.objects.filter(record=found, sha256=bytes(attachment.sha256)).first()
            if known is not None and known.attachment_id is not None:
                transaction.set_rollback(True)
                return known
            if found.photos.exclude(attachment=None).count() >= MOST:
                raise Refused(_("一条记录最多 %(count)d 张照片。") % {"count": MOST}, code="most", field="file")
            if known is not None:
                known.attachment = attachment
                known.save(update_fields=["attachment"])
                return known
            photo = Photo.objects.create(
                record=found,
                activity=found.activity,
                attachment=attachment,
                sha256=bytes(attachment.sha256),
                distance=_distance(found.activity, origin.longitude, origin.latitude),
                taken_at=origin.taken_at,
                added_at=now,
                added_by_id=by.person_id or 0,
            )
            audit("service_hours.add_photo", f"record:{found.pk}", by=by, photo=photo.pk, distance=photo.distance)
            return photo
    except IntegrityError as error:
        message = _("这张照片已经用在另一场活动的记录里，不能再作证据。请上传这次拍的照片。")
        raise Refused(message, code="used", field="file") from error


def remove_photo(*, photo: Photo, by: Actor) -> None:
    """The volunteer takes a picture of themselves away; that there was one stays, and counts no more. Raises Denied."""
    if photo.attachment is not None:
        files.remove(attachment=photo.attachment, by=by)
        audit("service_hours.remove_photo", f"record:{photo.record_id}", by=by, photo=photo.pk)


def _distance(activity: Activity, longitude: float | None, latitude: float | None) -> int | None:
    """Metres to the activity's place. Some phones write GCJ-02, some WGS-84: the nearer reading counts."""
    if longitude is None or latitude is None or activity.longitude is None or activity.latitude is None:
        return None
    readings = ((longitude, latitude), geo.from_map(longitude, latitude))
    return min(round(geo.metres(lng, lat, activity.longitude, activity.latitude)) for lng, lat in readings)
