from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Verdict(models.TextChoices):
    YES = "yes", _("是")
    NO = "no", _("否")
    UNKNOWN = "unknown", _("还不知道")


class Decides(models.TextChoices):
    """How the rules of a set make one answer."""

    ALL = "all", _("每一条都要符合")
    FIRST = "first", _("自上而下，第一条符合的生效")
    EACH = "each", _("逐条判断，各自成立")


class Audience(models.TextChoices):
    """Who may read a rule set. What fraud is looked for by is not told to everyone."""

    PUBLIC = "public", _("公开")
    OFFICERS = "officers", _("工作人员")


class Certainty(models.TextChoices):
    """How sure we are of what the file says."""

    FULL_TEXT = "full_text", _("已核对原文")
    SECONDARY = "secondary", _("据二手资料")
    TO_VERIFY = "to_verify", _("待核实")
    DESIGN = "design", _("平台设计，城市可替换")


class Unit(models.TextChoices):
    MINUTE = "minute", pgettext_lazy("unit", "分钟")
    HOUR = "hour", pgettext_lazy("unit", "小时")
    DAY = "day", pgettext_lazy("unit", "天")
    WORKING_DAY = "working_day", pgettext_lazy("unit", "个工作日")
    WEEK = "week", pgettext_lazy("unit", "周")
    MONTH = "month", pgettext_lazy("unit", "个月")
    YEAR = "year", pgettext_lazy("unit", "年")
    AGE = "age", pgettext_lazy("unit", "岁")
    METRE = "metre", pgettext_lazy("unit", "米")
    KM_H = "km_h", pgettext_lazy("unit", "公里/小时")
    PERSON = "person", pgettext_lazy("unit", "人")
    TIMES = "times", pgettext_lazy("unit", "次")
    ENTRY = "entry", pgettext_lazy("unit", "条")
    STAR = "star", pgettext_lazy("unit", "星")
    PERCENT = "percent", pgettext_lazy("unit", "%")
    FACTOR = "factor", pgettext_lazy("unit", "倍")
    YUAN = "yuan", pgettext_lazy("unit", "元")
