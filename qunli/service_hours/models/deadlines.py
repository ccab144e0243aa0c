"""How organisations kept to the 10 working days (办法 11), month by month."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.volunteering.models import Team


class DueTally(models.Model):
    """Records of a team whose due day lay in a month and is past: a roll-up that the night makes anew (`due.tally`).

    What was voided is not counted: nothing is owed for it. `owed` = `on_time` + `late` + `overdue`.
    """

    team = models.ForeignKey(Team, models.PROTECT, related_name="due_tallies", db_index=False)
    month = models.DateField(_("月份"))
    """Its first day; the due days count."""
    owed = models.PositiveIntegerField()
    on_time = models.PositiveIntegerField()
    """First verified on the due day or before."""
    late = models.PositiveIntegerField()
    """First verified afterwards."""
    overdue = models.PositiveIntegerField()
    """Not verified yet."""

    class Meta:
        verbose_name = _("按期办理统计")
        constraints = [
            models.UniqueConstraint(fields=["team", "month"], name="due_tally_once"),
            models.CheckConstraint(condition=Q(owed=F("on_time") + F("late") + F("overdue")), name="due_tally_adds_up"),
        ]
        indexes = [models.Index(fields=["month", "team"], name="due_tally_month")]
