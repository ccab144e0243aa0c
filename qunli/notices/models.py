"""What people are told: in the site, and from there by SMS and e-mail."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.people.models import Person


class Notice(models.Model):
    """An in-site message. `template` and `facts` are kept, so that it reads in the reader's language."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    template = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("消息")
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_person"),
            models.Index(fields=["person"], condition=models.Q(read_at=None), name="notice_unread"),
        ]
