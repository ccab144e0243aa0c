"""Administrative divisions: the tree that every figure, posting and team hangs on."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.divisions.enums import Kind, Level


class Division(models.Model):
    """One division in one period of validity. The code has 12 digits: GB/T 2260 (6), street (3), committee (3)."""

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
    polygon = models.JSONField(_("边界"), null=True, blank=True)
    residents = models.PositiveIntegerField(_("常住人口"), null=True, blank=True)
    valid_from = models.DateField(_("生效日期"))
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)

    class Meta:
        verbose_name = _("行政区划")
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=models.Q(valid_to=None), name="division_code_current"),
            models.CheckConstraint(condition=models.Q(code__regex=r"^[0-9A-Z]{12}$"), name="division_code_form"),
        ]
        indexes = [models.Index(fields=["path"]), models.Index(fields=["parent"])]

    def __str__(self) -> str:
        return self.name
