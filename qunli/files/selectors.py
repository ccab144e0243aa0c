"""Finding files. Whoever asks sees only what `perms.may_see` allows."""

from uuid import UUID

from django.db.models import QuerySet

from qunli.files.models import Attachment
from qunli.files.perms import may_see
from qunli.kernel.actor import Actor


def visible(key: UUID, actor: Actor) -> Attachment | None:
    """The attachment with this key, if the actor may see it; None as if it were not there otherwise."""
    found = Attachment.objects.filter(key=key).first()
    return found if found is not None and may_see(actor, found) else None


def of_subject(subject: str) -> QuerySet[Attachment]:
    """The files of one subject, for the room that owns it and has checked who asks."""
    return Attachment.objects.filter(subject=subject).order_by("id")
