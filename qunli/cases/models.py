"""Cases (诉求工单), their replies, events and units. `guards.py` holds the triggers; `checking.py` looks at it all each night."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.cases import enums, guards, numbers, querysets
from qunli.cases.duties import Matter
from qunli.cases.kinds import kind_of
from qunli.cases.states import CASE, PRESSURE
from qunli.divisions.models import Division
from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.models import Person
from qunli.rules.models import Version


class Reply(models.Model):
    """An answer to the requester: text, channel, time. A case that is opened again gets another."""

    text = EncryptedField()
    length = models.PositiveSmallIntegerField()
    """Characters of the text: the database sees that it is not empty without reading it."""
    channel = models.CharField(max_length=8, choices=enums.Channel.choices)
    replied_at = models.DateTimeField()
    replied_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("答复")
        constraints = [
            models.CheckConstraint(
                condition=Q(length__gte=2), name="reply_says_something", violation_error_message=_("请写明办理结果。")
            )
        ]


class Case(models.Model):
    """One ticket. `kind` and `matter` are keys that its caller declared; `subject` is what it is about there ("enterprise:7")."""

    number = models.CharField(_("工单编号"), max_length=15, unique=True)
    kind = models.CharField(max_length=30)
    subject = models.CharField(max_length=60, blank=True)
    matter = models.CharField(_("事项"), max_length=40)
    nature = models.CharField(_("类型"), max_length=12, choices=enums.Nature.choices)
    duty = models.CharField(_("职责"), max_length=10, choices=enums.Duty.choices)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", db_index=False, verbose_name=_("所在区域"))
    title = models.CharField(_("标题"), max_length=60)
    text = EncryptedField(_("诉求内容"), null=True)
    place = EncryptedField(_("地点"), null=True, blank=True)
    place_digest = DigestField(null=True, blank=True)
    requester = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="cases", db_index=False)
    contact_name = EncryptedField(_("联系人"), null=True, blank=True)
    contact_phone = EncryptedField(_("联系电话"), null=True, blank=True)
    contact_digest = DigestField(null=True, blank=True)
    entered_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    """Who wrote it down for the requester; nobody when the requester did."""
    urgent = models.BooleanField(_("紧急"), default=False)
    state = models.CharField(max_length=12, choices=enums.CaseState.choices, default=enums.CaseState.RECEIVED)
    state_reason = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField()
    pressure = models.CharField(max_length=10, choices=enums.Pressure.choices, default=enums.Pressure.CALM)
    desk = models.ForeignKey(Division, models.PROTECT, related_name="+", db_index=False)
    """Whose office received it, dispatches it and visits back."""
    owner_division = models.ForeignKey(Division, models.PROTECT, related_name="+")
    owner_unit = models.CharField(max_length=60, blank=True, default="")
    """A unit in that division ("team:42"); empty: the division's own office."""
    owner_level = models.PositiveSmallIntegerField(default=0, editable=False)
    """Level of the owning division; kept by a trigger."""
    returns = models.PositiveSmallIntegerField(default=0)
    """How often it was given back since it was received or opened again: the second dispute is decided a level higher."""
    clocks = models.ForeignKey(Version, models.PROTECT, related_name="+", db_index=False)
    """The rules that set the deadline of the reply: those of the day on which it was received, opened again or split off."""
    follow_up = models.ForeignKey(Version, models.PROTECT, related_name="+", db_index=False)
    """The rules of what comes after the reply, of the same day."""
    due_on = models.DateField(_("期限"))
    """Last day for the next step."""
    promised_on = models.DateField()
    """Last working day for the reply."""
    extended_days = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True, blank=True)
    contact_until = models.DateTimeField(null=True, blank=True)
    contacted_at = models.DateTimeField(null=True, blank=True)
    """First contact after the dispatch; in time until `contact_until`."""
    reply = models.OneToOneField(Reply, models.PROTECT, null=True, blank=True, related_name="case")
    failed_contacts = models.PositiveSmallIntegerField(default=0)
    """Visits back that reached nobody."""
    failed_first_at = models.DateTimeField(null=True, blank=True)
    failed_last_at = models.DateTimeField(null=True, blank=True)
    rated_at = models.DateTimeField(null=True, blank=True)
    solved = models.BooleanField(null=True, blank=True)
    satisfied = models.BooleanField(null=True, blank=True)
    comment = EncryptedField(_("评价"), null=True, blank=True)
    round = models.PositiveSmallIntegerField(default=0)
    """How often it was opened again."""
    urges = models.PositiveSmallIntegerField(default=0)
    urged_at = models.DateTimeField(null=True, blank=True)
    lead = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="repeats", db_index=False)
    split_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="parts", db_index=False)

    objects = querysets.CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("诉求工单")
        constraints = [
            CASE.check(),
            PRESSURE.check("pressure"),
            models.CheckConstraint(condition=Q(number__regex=r"^\d{15}$"), name="case_number_form"),
            models.CheckConstraint(
                condition=~Q(state__in=enums.ANSWERED) | Q(reply__isnull=False),
                name="case_answered_with_reply",
                violation_error_message=_("没有答复的工单不能办结。"),
            ),
            models.CheckConstraint(
                condition=~Q(state="archived") | Q(rated_at__isnull=False) | Q(failed_contacts__gte=3),
                name="case_closed_after_survey",
                violation_error_message=_("要有评价，或三次回访都联系不上，才能归档。"),
            ),
            models.CheckConstraint(
                condition=Q(failed_contacts=0, failed_first_at=None, failed_last_at=None)
                | Q(failed_contacts__gt=0, failed_last_at__gte=F("failed_first_at")),
                name="case_failed_contacts_dated",
            ),
            models.CheckConstraint(
                condition=Q(rated_at=None, solved=None, satisfied=None)
                | Q(rated_at__isnull=False, solved__isnull=False, satisfied__isnull=False),
                name="case_rating_whole",
            ),
            models.CheckConstraint(condition=~Q(state="rated") | Q(rated_at__isnull=False), name="case_rated_has_rating"),
            models.CheckConstraint(
                condition=Q(state="merged", lead__isnull=False) | (~Q(state="merged") & Q(lead=None)), name="case_merged_has_lead"
            ),
            models.CheckConstraint(condition=Q(lead=None) | ~Q(lead=F("id")), name="case_lead_is_another"),
            models.CheckConstraint(
                condition=Q(dispatched_at=None, contact_until=None) | Q(dispatched_at__isnull=False, contact_until__isnull=False),
                name="case_contact_clock",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "not_accepted", "merged", "withdrawn", "returned"])
                | Q(dispatched_at__isnull=False),
                name="case_dispatched_first",
            ),
            models.CheckConstraint(
                condition=~Q(duty="department") | Q(owner_level__lte=2),
                name="case_department_not_grassroots",
                violation_error_message=_("职能部门的工作不能派到街道和社区。"),
            ),
        ]
        triggers = [CASE.trigger(), PRESSURE.trigger("pressure"), guards.OWNER_LEVEL, guards.ONE_LEAD, guards.SPACED, guards.TALLY]
        indexes = [
            models.Index(fields=["requester", "-id"], condition=Q(requester__isnull=False), name="case_requester"),
            models.Index(fields=["desk", "state", "due_on", "id"], condition=~Q(state__in=enums.ENDED), name="case_desk_open"),
            models.Index(
                fields=["owner_unit", "due_on", "id"],
                condition=~Q(owner_unit="") & ~Q(state__in=enums.ENDED),
                name="case_unit_open",
            ),
            models.Index(fields=["due_on", "id"], condition=~Q(state__in=enums.ENDED), name="case_due"),
            models.Index(fields=["division", "-id"], name="case_division"),
            models.Index(fields=["subject"], condition=~Q(subject=""), name="case_subject"),
            models.Index(fields=["place_digest"], condition=Q(place_digest__isnull=False), name="case_place"),
            models.Index(fields=["lead"], condition=Q(lead__isnull=False), name="case_lead"),
            models.Index(fields=["split_from"], condition=Q(split_from__isnull=False), name="case_split"),
        ]

    def __str__(self) -> str:
        return self.shown_number

    @property
    def shown_number(self) -> str:
        """As it is read out."""
        return numbers.shown(self.number)

    @property
    def about(self) -> Matter:
        """The line of the duty catalogue. Raises KeyError for a kind or a matter that is not declared any more."""
        return kind_of(self.kind).matters[self.matter]

    @property
    def ended(self) -> bool:
        return self.state in enums.ENDED


class CaseEvent(models.Model):
    """One step: who, when, why. Append-only."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="events", db_index=False)
    verb = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=enums.CaseState.choices)
    """The state after it."""
    at = models.DateTimeField()
    acted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    unit = models.CharField(max_length=60, blank=True)
    """The unit that it concerns: to which it went, which took it, which gave it back."""
    note = models.CharField(max_length=300, blank=True)
    reply = models.ForeignKey(Reply, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("办理记录")
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            # A merge of two records of one person moves the steps; nothing else of a step ever changes.
            pgtrigger.Protect(
                name="unchanged",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["acted_by"], exclude_auto=False),
            ),
        ]
        indexes = [models.Index(fields=["case", "id"], name="case_event")]


class Handler(models.Model):
    """A unit beside the owner: offered (any of them may take the case), or assisting under its lead (联合办理)."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="handlers", db_index=False)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", db_index=False)
    unit = models.CharField(max_length=60, blank=True, default="")
    role = models.CharField(max_length=8, choices=enums.HandlerRole.choices)
    note = models.CharField(max_length=300, blank=True)
    """What an assisting unit reports."""
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.HandlerQuerySet.as_manager()

    class Meta:
        verbose_name = _("承办单位")
        constraints = [
            models.UniqueConstraint(
                fields=["case", "division", "unit"], name="handler_once", violation_error_message=_("这个单位已经在名单上。")
            )
        ]
        indexes = [models.Index(fields=["unit", "case"], condition=~Q(unit=""), name="handler_unit")]


class Tally(models.Model):
    """Counters of the cases received in a month in a division, by kind; kept by a trigger on cases, never written by code.

    `dispatched` to `reopened` count lead cases and single ones; `repeats` those that were merged into a lead.
    """

    kind = models.CharField(max_length=30)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()
    received = models.IntegerField()
    dispatched = models.IntegerField()
    responded = models.IntegerField()
    """Contacted within 24 hours of the dispatch."""
    surveyed = models.IntegerField()
    """Rated by the requester, on the page or at a visit back."""
    solved = models.IntegerField()
    satisfied = models.IntegerField()
    unreached = models.IntegerField()
    """Closed after three failed contacts."""
    repeats = models.IntegerField()
    reopened = models.IntegerField()

    objects = querysets.TallyQuerySet.as_manager()

    class Meta:
        verbose_name = _("诉求统计")
        constraints = [models.UniqueConstraint(fields=["division", "month", "kind"], name="tally_once")]
