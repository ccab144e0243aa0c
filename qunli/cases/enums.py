from django.db import models
from django.utils.translation import gettext_lazy as _


class CaseState(models.TextChoices):
    RECEIVED = "received", _("已受理")
    DISPATCHED = "dispatched", _("已派单")
    SIGNED_FOR = "signed_for", _("已接单")
    HANDLING = "handling", _("办理中")
    REPLIED = "replied", _("已答复")
    VISITED_BACK = "visited_back", _("已回访")
    RATED = "rated", _("已评价")
    ARCHIVED = "archived", _("已归档")
    RETURNED = "returned", _("已退单")
    REOPENED = "reopened", _("重新办理")
    NOT_ACCEPTED = "not_accepted", _("不予受理")
    MERGED = "merged", _("已并案")
    WITHDRAWN = "withdrawn", _("已撤回")


ENDED = (CaseState.ARCHIVED, CaseState.NOT_ACCEPTED, CaseState.MERGED, CaseState.WITHDRAWN)
"""Nothing more is to be done. A merged case goes on in its lead."""
IN_WORK = (CaseState.RECEIVED, CaseState.DISPATCHED, CaseState.RETURNED, CaseState.SIGNED_FOR, CaseState.HANDLING)
"""Not answered yet."""
ANSWERED = (CaseState.REPLIED, CaseState.VISITED_BACK, CaseState.RATED, CaseState.ARCHIVED)


class Pressure(models.TextChoices):
    """How far an open case has been pressed, beside its state."""

    CALM = "calm", _("正常")
    OVERDUE = "overdue", _("已超期")
    URGED = "urged", _("已催办")
    SUPERVISED = "supervised", _("已督办")


class Nature(models.TextChoices):
    """What is asked for: decides the clock."""

    CONSULTATION = "consultation", _("咨询")
    SUGGESTION = "suggestion", _("求助和建议")
    COMPLAINT = "complaint", _("投诉举报")


class Duty(models.TextChoices):
    """Whose work it is by the duty catalogue (职责清单)."""

    GRASSROOTS = "grassroots", _("社区和街道职责")
    DEPARTMENT = "department", _("职能部门职责")


class Channel(models.TextChoices):
    """How the requester was answered or reached."""

    PHONE = "phone", _("电话")
    VISIT = "visit", _("上门")
    MESSAGE = "message", _("平台消息")
    OFFICE = "office", _("来访当面")


class HandlerRole(models.TextChoices):
    """A unit beside the owner, who leads."""

    OFFERED = "offered", _("可接单")
    ASSIST = "assist", _("协办")
