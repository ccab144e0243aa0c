"""Attachments: the row here, the encrypted content under QUNLI_HOME/files."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.kernel.fields import EncryptedField
from qunli.people.models import Person


class Attachment(models.Model):
    """A file of a person, served only by its random key and only to those who may see it (`perms.may_see`).

    `subject` is what it belongs to ("claim:7"); the room of that kind says who else may see it. The name may tell something about
    the owner, so it is encrypted as the content is.
    """

    key = models.UUIDField(unique=True)
    owner = models.ForeignKey(Person, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=60)
    name = EncryptedField()
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    sha256 = models.BinaryField(max_length=32)
    """Of the content as it is served: for pictures after the metadata was taken out."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("附件")
        indexes = [models.Index(fields=["subject"])]

    def __str__(self) -> str:
        return f"attachment:{self.pk}"
