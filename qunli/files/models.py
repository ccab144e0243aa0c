from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.people.models import Person


class Attachment(models.Model):
    """A file of a person, served only by its random key and only to those who may see it."""

    key = models.UUIDField(unique=True)
    owner = models.ForeignKey(Person, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("附件")
        indexes = [models.Index(fields=["subject"])]
