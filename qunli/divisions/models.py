"""Administrative divisions: the tree that every figure, posting and team hangs on."""

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.enums import ChangeKind, Kind, Level
from qunli.kernel.actor import Actor


class DivisionQuerySet(models.QuerySet["Division"]):
    def visible_to(self, actor: Actor) -> "DivisionQuerySet":
        """Everybody sees all divisions: they are public."""
        return self

    def on(self, day: date) -> "DivisionQuerySet":
        """Those in force on a day. `valid_to` is the first day on which a division is no more."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=day), valid_from__lte=day)


class Division(models.Model):
    """One division in one period of validity. The code has 12 places: GB/T 2260 (6), street (3), committee (3)."""

    code = models.CharField(_("区划代码"), max_length=12)
    name = models.CharField(_("名称"), max_length=60)
    level = models.PositiveSmallIntegerField(_("层级"), choices=Level.choices)
    kind = models.CharField(_("类型"), max_length=20, choices=Kind.choices)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级"))
    path = models.CharField(max_length=64, editable=False, db_collation="C")
    """Codes from the city down, each followed by "/": a range of divisions is a prefix."""
    initials = models.CharField(max_length=60, blank=True)
    pinyin = models.CharField(max_length=240, blank=True)
    longitude = models.FloatField(_("经度"), null=True, blank=True)
    latitude = models.FloatField(_("纬度"), null=True, blank=True)
    approximate = models.BooleanField(_("坐标为近似值"), default=False)
    """The point was computed inside the district, not surveyed."""
    residents = models.PositiveIntegerField(_("常住人口"), null=True, blank=True)
    valid_from = models.DateField(_("生效日期"))
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)

    objects = DivisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("行政区划")
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(valid_to=None), name="division_code_current"),
            models.CheckConstraint(condition=Q(code__regex=r"^[0-9A-Z]{12}$"), name="division_code_form"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="division_period",
                violation_error_message=_("失效日期要晚于生效日期。"),
            ),
        ]
        indexes = [models.Index(fields=["path"], name="division_path"), models.Index(fields=["parent"], name="division_parent")]

    def __str__(self) -> str:
        return self.name


class Border(models.Model):
    """The border of a division, kept apart so that reading a division stays light."""

    division = models.OneToOneField(Division, models.PROTECT, primary_key=True, related_name="border")
    geometry = models.JSONField(_("边界"))
    """GeoJSON geometry in WGS-84."""

    class Meta:
        verbose_name = _("边界")


class AreaMember(models.Model):
    """A street that a management area runs, beside the district that its code belongs to. The tree stays that of the code."""

    area = models.ForeignKey(Division, models.PROTECT, related_name="members")
    division = models.ForeignKey(Division, models.PROTECT, related_name="areas")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("管理区所辖")
        constraints = [models.UniqueConstraint(fields=["division"], condition=Q(valid_to=None), name="area_member_once")]


class Change(models.Model):
    """One split, merger, renaming or transfer: `before` ended and `after` began on the day it took effect."""

    kind = models.CharField(_("变更类型"), max_length=10, choices=ChangeKind.choices)
    effective_on = models.DateField(_("生效日期"))
    document = models.CharField(_("批准文号"), max_length=120)
    before = models.ManyToManyField(Division, related_name="changes_out")
    after = models.ManyToManyField(Division, related_name="changes_in")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("区划变更")
        ordering = ["effective_on", "id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.effective_on}"
