"""What was done and what was looked at: append-only and chained. Plain values only, so that every room above can write here."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One event. `digest` = SM3 over the digest before it and this row; `script/manage verify_audit` recomputes the chain."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    person_id = models.BigIntegerField(null=True)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    digest = models.BinaryField(max_length=32, null=True)

    class Meta:
        verbose_name = _("审计事件")
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete)]
        indexes = [models.Index(fields=["subject", "-id"]), models.Index(fields=["person_id", "-id"]), models.Index(fields=["verb", "-id"])]
