from django.db import models
from django.utils.translation import gettext_lazy as _


class VolunteerState(models.TextChoices):
    ACTIVE = "active", _("在册")
    SUSPENDED = "suspended", _("已暂停")
    DEREGISTERED = "deregistered", _("注销")


class TeamLevel(models.TextChoices):
    """The four-level tree, and the city's industry corps beside the city team."""

    CITY = "city", _("市级总队")
    CORPS = "corps", _("市级行业总队")
    DISTRICT = "district", _("区（市）县支队")
    STREET = "street", _("街道（镇）大队")
    COMMUNITY = "community", _("社区（村）服务队")


PARENTS: dict[str, tuple[str, ...]] = {
    TeamLevel.CITY: (),
    TeamLevel.CORPS: (TeamLevel.CITY,),
    TeamLevel.DISTRICT: (TeamLevel.CITY,),
    TeamLevel.STREET: (TeamLevel.DISTRICT,),
    TeamLevel.COMMUNITY: (TeamLevel.STREET,),
}
"""Of which level the team above a team may be."""


TREE_LEVEL: dict[str, int] = {
    TeamLevel.CITY: 1,
    TeamLevel.CORPS: 1,
    TeamLevel.DISTRICT: 2,
    TeamLevel.STREET: 3,
    TeamLevel.COMMUNITY: 4,
}
"""The level of the division at which a team of each level stands."""


class Sponsor(models.TextChoices):
    GOVERNMENT = "government", _("党政机关和社区")
    SOCIAL_ORGANISATION = "social_org", _("社会组织")
    ENTERPRISE = "enterprise", _("企业")
    SCHOOL = "school", _("学校")
    RESIDENTS = "residents", _("居民自组织")


class TeamState(models.TextChoices):
    APPLIED = "applied", _("待审核")
    ACTIVE = "active", _("活动中")
    REJECTED = "rejected", _("未通过")
    DISSOLVED = "dissolved", _("已解散")


class MembershipState(models.TextChoices):
    APPLIED = "applied", _("待审核")
    ACTIVE = "active", _("成员")
    REJECTED = "rejected", _("未通过")
    LEFT = "left", _("已退出")


class ActivityState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("待审批")
    RETURNED = "returned", _("退回修改")
    PUBLISHED = "published", _("招募中")
    CANCELLED = "cancelled", _("已取消")
    CLOSED = "closed", _("已结束")


class Nature(models.TextChoices):
    """What kind of occasion an activity is; as the fact `nature` of the rules "service-counts" has it."""

    SERVICE = "service", _("为他人提供服务")
    INTERNSHIP = "internship", _("实习见习")
    MEETING = "meeting", _("会议")
    VISIT = "visit", _("参观考察")
    INTERNAL_MANAGEMENT = "internal_management", _("组织内部管理")
    SCHOOL_DUTY = "school_duty", _("学校规定必须完成的任务")


class SignUpState(models.TextChoices):
    CONFIRMED = "confirmed", _("已报名")
    WAITING = "waiting", _("候补中")
    CANCELLED = "cancelled", _("已取消")
    ATTENDED = "attended", _("已参加")
    NO_SHOW = "no_show", _("未到")


WEEKDAYS = (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))
TIMES_OF_DAY = (_("上午"), _("下午"), _("晚上"))
"""Free times are bits: Monday morning, afternoon, evening, Tuesday morning, ..."""


class InvitationState(models.TextChoices):
    SENT = "sent", _("等待答复")
    ACCEPTED = "accepted", _("已接受")
    DECLINED = "declined", _("已婉拒")
    EXPIRED = "expired", _("已过期")
    WITHDRAWN = "withdrawn", _("已撤回")


class DeclineReason(models.TextChoices):
    """Why an invitation is declined; each counts at the next match (`matching.reading`)."""

    TOO_FAR = "too_far", _("太远")
    NO_TIME = "no_time", _("这个时间不方便")
    NOT_INTERESTED = "not_interested", _("不想参加这类服务")
    TOO_OFTEN = "too_often", _("邀请太多")
    OTHER = "other", _("其他原因")


class PlanState(models.TextChoices):
    QUEUED = "queued", _("正在计算")
    READY = "ready", _("待发送")
    SENT = "sent", _("已发送邀请")
    FAILED = "failed", _("没有算成")
    DISCARDED = "discarded", _("已放弃")


class Category(models.TextChoices):
    """Service categories (服务类别) that a volunteer offers and an activity belongs to."""

    COMMUNITY = "community", _("社区治理")
    ELDERLY = "elderly", _("助老助残")
    CHILDREN = "children", _("关爱儿童")
    ENVIRONMENT = "environment", _("生态环保")
    CULTURE = "culture", _("文化文艺")
    EDUCATION = "education", _("科普教育")
    HEALTH = "health", _("医疗健康")
    LAW = "law", _("法律咨询")
    SAFETY = "safety", _("平安巡防")
    EMERGENCY = "emergency", _("应急救援")
    EVENT = "event", _("赛会服务")
    CONVENIENCE = "convenience", _("便民服务")


class Skill(models.TextChoices):
    FIRST_AID = "first_aid", _("急救")
    MEDICINE = "medicine", _("医护")
    PSYCHOLOGY = "psychology", _("心理疏导")
    LAW = "law", _("法律")
    TEACHING = "teaching", _("教学辅导")
    FOREIGN_LANGUAGE = "foreign_language", _("外语")
    SIGN_LANGUAGE = "sign_language", _("手语")
    PHOTOGRAPHY = "photography", _("摄影摄像")
    REPAIR = "repair", _("维修")
    DRIVING = "driving", _("驾驶")
    COMPUTER = "computer", _("电脑手机")
    ARTS = "arts", _("文艺")
    SPORTS = "sports", _("体育")
    SOCIAL_WORK = "social_work", _("社会工作")
