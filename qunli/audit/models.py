"""What was done and what was looked at: append-only and chained. Plain values only, so that every room above can write here."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qunli.audit.querysets import EventQuerySet


class Event(models.Model):
    """One event. Written without a digest, so that writers never wait for one another; sealed soon after (`services.seal`).

    `position` is the place in the chain, `digest` = SM3 over the digest before it and this row; `script/manage verify_audit`
    recomputes it.
    """

    at = models.DateTimeField(_("时间"))
    actor = models.CharField(_("操作者"), max_length=60)
    person_id = models.BigIntegerField(_("操作人"), null=True)
    verb = models.CharField(_("动作"), max_length=60)
    subject = models.CharField(_("对象"), max_length=60)
    facts = models.JSONField(_("事实"), default=dict)
    address = models.GenericIPAddressField(_("网络地址"), null=True)
    request_id = models.CharField(_("请求编号"), max_length=40, blank=True, default="")
    position = models.BigIntegerField(null=True, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("审计事件")
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="never_emptied",
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'restrict_violation';",
            ),
            pgtrigger.Trigger(
                name="only_sealed",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.digest IS NULL AND NEW.digest IS NOT NULL AND NEW.position IS NOT NULL
                       AND to_jsonb(OLD) - 'digest' - 'position' = to_jsonb(NEW) - 'digest' - 'position' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'audit events are append-only (event %)', OLD.id USING ERRCODE = 'restrict_violation';
                """,
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(position=None, digest=None) | Q(position__gte=1, digest__isnull=False), name="audit_sealed"
            )
        ]
        indexes = [
            models.Index(fields=["subject", "-id"], name="audit_subject"),
            models.Index(fields=["person_id", "-id"], name="audit_person"),
            models.Index(fields=["verb", "-id"], name="audit_verb"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["id"], condition=Q(digest=None), name="audit_unsealed"),
        ]

    @property
    def told(self) -> list[tuple[str, str]]:
        """The facts as name and text: lists with commas, everything else as it is."""
        return [(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for name, value in self.facts.items()]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
