from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class IdKind(models.TextChoices):
    RESIDENT = "resident", _("居民身份证")
    HK_MACAO_RESIDENCE = "hkm_residence", _("港澳居民居住证")
    TAIWAN_RESIDENCE = "tw_residence", _("台湾居民居住证")
    PERMANENT_RESIDENCE = "permanent", _("外国人永久居留身份证")
    PASSPORT = "passport", _("护照")


class Sex(models.TextChoices):
    MALE = "m", _("男")
    FEMALE = "f", _("女")


class Relation(models.TextChoices):
    """Who may be a guardian of a minor (Civil Code 27), in the law's order."""

    PARENT = "parent", _("父母")
    GRANDPARENT = "grandparent", _("祖父母、外祖父母")
    SIBLING = "sibling", _("兄、姐")
    OTHER = "other", _("其他监护人")


class Purpose(models.TextChoices):
    """What a person consents to, one by one (PIPL 14, 23, 25, 29, 31)."""

    REGISTRATION = "registration", pgettext_lazy("purpose", "登记为志愿者")
    IDENTITY = "identity", _("处理身份证件号码")
    LOCATION = "location", _("签到时使用位置")
    MINOR = "minor", _("未成年人参加志愿服务")
    PUBLISH_NAME = "publish_name", _("在公示中显示姓名")
    PASS_ON = "pass_on", _("向合作单位提供信息")
    MATCHING = "matching", _("智能匹配和活动邀请")


class Suspicion(models.TextChoices):
    """Why two records are taken for one person."""

    SAME_CONTACT = "same_contact", _("姓名、出生日期和手机号码相同")
    SAME_HOME = "same_home", _("姓名、出生日期和居住社区相同，其中一份没有证件")


class Decision(models.TextChoices):
    MERGED = "merged", _("已合并")
    DIFFERENT = "different", _("不是同一人")
