from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RecordState(models.TextChoices):
    PRESENT = "present", _("已签到")
    DRAFT = "draft", _("待提交")
    SUBMITTED = "submitted", _("待核实")
    VERIFIED = "verified", _("已核实")
    CONFIRMED = "confirmed", _("本人已确认")
    DISPUTED = "disputed", _("有异议")
    CORRECTED = "corrected", _("已更正")
    VOID = "void", _("已撤销")


class Method(models.TextChoices):
    """How the presence was established."""

    CODE = "code", _("签到码")
    PLACE = "place", _("位置")
    LEADER = "leader", _("负责人代签")


class Way(models.TextChoices):
    IN = "in", _("签到")
    OUT = "out", _("签退")


class ServedRole(models.TextChoices):
    """Who says whether the volunteers came."""

    PERSON = "person", _("服务对象或家属")
    INSTITUTION = "institution", _("接受服务的单位")


class ServedAnswer(models.TextChoices):
    CAME = "came", _("来过")
    NOBODY = "nobody", _("没有来过")


class ServedWay(models.TextChoices):
    """How the answer came."""

    LINK = "link", _("在自己的手机上确认")
    CODE = "code", _("告知确认码")


class FindingState(models.TextChoices):
    OPEN = "open", _("待申辩")
    ANSWERED = "answered", _("已申辩")
    UPHELD = "upheld", _("属实，已撤销时长")
    DISMISSED = "dismissed", _("不成立")


class Severity(models.TextChoices):
    """How heavily a sign of fabrication weighs, as the rules have it."""

    IMPOSSIBLE = "impossible", _("不可能成立")
    SUSPICIOUS = "suspicious", _("可疑")
    LOOK = "look", _("需要留意")


class EntryKind(models.TextChoices):
    EARNED = "earned", _("计入")
    REVERSAL = "reversal", _("冲回")


class CertificateState(models.TextChoices):
    ISSUED = "issued", _("有效")
    REVOKED = "revoked", pgettext_lazy("certificate", "已撤销")


class StarState(models.TextChoices):
    """What became of a proposal. What was granted and taken back stands in the entries."""

    PROPOSED = "proposed", _("待评定")
    GRANTED = "granted", _("已评定")
    REFUSED = "refused", _("不予评定")
    WITHDRAWN = "withdrawn", _("已撤回")


class StarKind(models.TextChoices):
    GRANTED = "granted", _("授予")
    REVERSAL = "reversal", _("冲销")


class Chased(models.IntegerChoices):
    """Which reminder of a record that is due was the last; the steps are those of the rules "hour-deadlines"."""

    NOBODY = 0, _("未提醒")
    BEFORE = 1, _("已提前提醒负责人")
    ON_DAY = 2, _("已在到期当天提醒负责人")
    AFTER = 3, _("已告知负责人和上级超期")


class RoundState(models.TextChoices):
    """Of a spot check."""

    DRAWING = "drawing", _("正在抽取")
    OPEN = "open", _("核查中")
    EMPTY = "empty", _("没有可抽的记录")
    CLOSED = "closed", _("已公布")


class Checked(models.TextChoices):
    """What a spot check says of a record."""

    RIGHT = "right", _("属实")
    WRONG = "wrong", _("不实")
    UNTOLD = "untold", _("无法认定")
