"""Photos and papers of a case, as many as the rules allow."""

from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from qunli.cases.clocks import clocks_of
from qunli.cases.models import Case
from qunli.cases.perms import Permission, may_see_contact
from qunli.cases.steps import locked
from qunli.files.selectors import of_subject
from qunli.files.services import store
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person


def attach(*, case: Case, file: "UploadedFile[Any]", by: Actor, now: datetime) -> None:
    """Add a file to an open case: by who sees its contact. Raises Refused at `file`: what `files` refuses, "state", "most".

    Counted before, so that a full case costs nothing, and again under the case's lock, so that many at once cannot pass the cap.
    """
    if not may_see_contact(by, case):
        raise Denied(Permission.SEE_CONTACT)
    _check_room(case, by, more=1)
    with transaction.atomic():
        store(upload=file, owner=Person.objects.get(pk=by.person_id or 0), subject=f"case:{case.pk}", by=by)
        _check_room(locked(case), by, more=0)


def _check_room(case: Case, by: Actor, more: int) -> None:
    if case.ended:
        raise Refused(_("已经结束的工单不能再添加文件。"), code="state", field="file")
    limits, held = clocks_of(case), of_subject(f"case:{case.pk}")
    most, each = limits.limit("most_files"), limits.limit("most_files_each")
    if held.filter(owner=by.person_id or 0).count() + more > each:
        raise Refused(_("每人在一件工单里最多放 %(count)d 个文件。") % {"count": each}, code="most", field="file")
    if held.count() + more > most:
        raise Refused(_("一件工单最多放 %(count)d 个文件。") % {"count": most}, code="most", field="file")
