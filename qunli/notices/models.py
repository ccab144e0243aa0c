"""What people are told: in the site, and from there by SMS and e-mail."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.kernel.actor import Actor
from qunli.kernel.fields import EncryptedField
from qunli.people.models import Person


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, actor: Actor) -> Self:
        """One's own, and nobody else's."""
        return self.filter(person_id=actor.person_id) if actor.person_id else self.none()

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notice(models.Model):
    """An in-site message. `template` and `facts` are kept, so that it reads in the reader's language."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    template = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("消息")
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_person"),
            models.Index(fields=["person"], condition=models.Q(read_at=None), name="notice_unread"),
        ]


class Channel(models.TextChoices):
    SMS = "sms", _("短信")
    EMAIL = "email", _("电子邮件")


class Preference(models.Model):
    """How a person wants to be told outside of the site, in which language. No row: by SMS, in Chinese."""

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="notice_preference")
    sms = models.BooleanField(_("重要消息发短信"), default=True)
    email = models.BooleanField(_("重要消息发电子邮件"), default=False)
    language = models.CharField(max_length=10, default="zh-hans")

    class Meta:
        verbose_name = _("通知设置")


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("待发送")
    SENT = "sent", _("已发送")
    SKIPPED = "skipped", _("未发送")
    """No number or address is known, or the person does not want it."""


class Delivery(models.Model):
    """One notice on its way outside by one channel: sent once, tried again by the queue until it is."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=5, choices=Channel.choices)
    state = models.CharField(max_length=7, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("外发消息")
        constraints = [models.UniqueConstraint(fields=["notice", "channel"], name="delivery_once")]
        indexes = [models.Index(fields=["id"], condition=models.Q(state="pending"), name="delivery_pending")]


class Feed(models.Model):
    """The secret address of a person's calendar feed. Only the key's digest is stored; a new key makes the old address void."""

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="calendar_feed")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("日历订阅")


class DemoSms(models.Model):
    """What the demonstration would have sent by SMS. Written by `sms.InboxSender` only; never where real people are."""

    phone = EncryptedField()
    text = EncryptedField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("演示短信")
