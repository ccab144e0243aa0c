"""Volunteers, the teams they are in, the activities they find and sign up for.

Counters are kept by triggers (`counters.py`), never by code: `Team.members`, `Post.taken`, `Activity.places`, `Activity.taken`.
A bulk load that switches the triggers off writes the counters itself.
"""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Radians, Tan
from django.utils.translation import gettext_lazy as _

from qunli.accounts.models import Account
from qunli.cases.models import Case
from qunli.divisions.models import Division
from qunli.kernel.fields import LINE, LINES, EncryptedField
from qunli.people.models import Person
from qunli.volunteering import counters, enums, querysets
from qunli.volunteering.states import ACTIVITY, INVITATION, MEMBERSHIP, PLAN, SIGN_UP, TEAM, VOLUNTEER


class PointField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's point; used in expressions and indexes only."""

    def db_type(self, connection: Any) -> str:
        return "point"


def mercator(longitude: Any, latitude: Any) -> Func:
    """The point in Mercator's projection, in radians. It is conformal: within one city, nearer on this plane is nearer on the
    ground, so that PostgreSQL's GiST index on points finds the nearest activities without an extension."""
    return Func(Radians(longitude), Func(Tan(Radians(latitude)), function="asinh"), function="point", output_field=PointField())


class Volunteer(models.Model):
    """A registered volunteer: one per person. `number` is public and says nothing of the identity number (MZ/T 061)."""

    person = models.OneToOneField(Person, models.PROTECT, related_name="volunteer")
    number = models.CharField(_("志愿者编号"), max_length=20)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name=_("服务区域"))
    state = models.CharField(max_length=12, choices=enums.VolunteerState.choices, default=enums.VolunteerState.ACTIVE)
    skills = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    categories = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    free_times = models.PositiveIntegerField(_("空闲时间"), default=0)
    """21 bits: Monday morning, afternoon, evening, Tuesday morning, ..."""
    minutes = models.PositiveIntegerField(_("累计时长（分钟）"), default=0, editable=False)
    """Kept by the trigger of the hours ledger, never written by code."""
    registered_at = models.DateTimeField()
    suspended_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Kept through a deregistration: registering again does not lift a suspension."""

    objects = querysets.VolunteerQuerySet.as_manager()

    class Meta:
        verbose_name = _("志愿者")
        # Not `unique=True`, which adds a second index for searching by the beginning of a number.
        constraints = [VOLUNTEER.check(), models.UniqueConstraint(fields=["number"], name="volunteer_number_once")]
        triggers = [VOLUNTEER.trigger()]


class RegistrationDraft(models.Model):
    """A registration that was begun and not finished: one per account, encrypted as a whole, deleted when it is done."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="registration_draft")
    answers = EncryptedField()
    """JSON of the answers to the screens done so far."""
    step = models.PositiveSmallIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("登记草稿")


class Team(models.Model):
    name = models.CharField(_("队伍名称"), max_length=100, validators=[LINE])
    level = models.CharField(_("层级"), max_length=10, choices=enums.TeamLevel.choices)
    sponsor = models.CharField(_("发起单位类型"), max_length=12, choices=enums.Sponsor.choices)
    sponsor_name = models.CharField(_("发起单位"), max_length=100, blank=True, validators=[LINE])
    credit_code = models.CharField(_("统一社会信用代码"), max_length=18, blank=True)
    division = models.ForeignKey(Division, models.PROTECT, related_name="teams", db_index=False, verbose_name=_("所在区域"))
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级队伍"))
    introduction = models.TextField(_("介绍"), blank=True, max_length=2000, validators=[LINES])
    state = models.CharField(max_length=12, choices=enums.TeamState.choices, default=enums.TeamState.APPLIED)
    state_reason = models.CharField(max_length=200, blank=True)
    applicant = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("申请人"))
    members = models.PositiveIntegerField(default=0, editable=False)
    """Kept by a trigger on memberships."""
    search = ArrayField(models.CharField(max_length=40), default=list, editable=False)
    founded_on = models.DateField(_("成立日期"))
    created_at = models.DateTimeField(auto_now_add=True)

    objects = querysets.TeamQuerySet.as_manager()

    class Meta:
        verbose_name = _("志愿服务队伍")
        constraints = [
            TEAM.check(),
            models.UniqueConstraint(
                fields=["division", "name"],
                condition=~Q(state="dissolved"),
                name="team_name_once",
                violation_error_message=_("这个区域已有同名队伍。请换一个名称，或加入已有队伍。"),
            ),
            models.CheckConstraint(
                condition=~Q(sponsor__in=["social_org", "enterprise"]) | ~Q(credit_code=""),
                name="team_credit_code",
                violation_error_message=_("社会组织和企业的队伍要填写统一社会信用代码。"),
            ),
        ]
        triggers = [TEAM.trigger()]
        indexes = [
            GinIndex(fields=["search"], name="team_search"),
            models.Index(fields=["division", "state"], name="team_division"),
            models.Index(fields=["-members", "-id"], condition=Q(state="active"), name="team_largest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unit(self) -> str:
        """The key by which `access` narrows a posting to this team."""
        return f"team:{self.pk}"


class Membership(models.Model):
    team = models.ForeignKey(Team, models.PROTECT, related_name="memberships", db_index=False)
    volunteer = models.ForeignKey(Volunteer, models.PROTECT, related_name="memberships")
    leader = models.BooleanField(_("队长"), default=False)
    state = models.CharField(max_length=12, choices=enums.MembershipState.choices, default=enums.MembershipState.APPLIED)
    state_reason = models.CharField(max_length=200, blank=True)
    applied_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)

    objects = querysets.MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("队员")
        constraints = [
            MEMBERSHIP.check(),
            models.UniqueConstraint(
                fields=["volunteer", "team"],
                condition=Q(state__in=["applied", "active"]),
                name="membership_once",
                violation_error_message=_("您已经在这支队伍里，或已经提交申请。"),
            ),
        ]
        triggers = [MEMBERSHIP.trigger(), counters.TEAM_MEMBERS]
        indexes = [models.Index(fields=["team", "state", "id"], name="membership_team")]


class Activity(models.Model):
    team = models.ForeignKey(Team, models.PROTECT, related_name="activities", db_index=False, verbose_name=_("组织队伍"))
    division = models.ForeignKey(Division, models.PROTECT, related_name="activities", db_index=False, verbose_name=_("所在区域"))
    title = models.CharField(_("活动名称"), max_length=100, validators=[LINE])
    category = models.CharField(_("服务类别"), max_length=20, choices=enums.Category.choices)
    content = models.TextField(_("服务内容"), max_length=4000, validators=[LINES])
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))
    address = models.CharField(_("地点"), max_length=200, validators=[LINE])
    longitude = models.FloatField(_("经度"), null=True, blank=True)
    latitude = models.FloatField(_("纬度"), null=True, blank=True)
    radius = models.PositiveSmallIntegerField(_("签到范围（米）"), default=500)
    min_age = models.PositiveSmallIntegerField(_("最小年龄"), default=18)
    max_age = models.PositiveSmallIntegerField(_("最大年龄"), null=True, blank=True)
    risk_notice = models.TextField(_("风险告知"), max_length=1000, validators=[LINES])
    danger = models.BooleanField(_("可能有人身危险"), default=False)
    insurance = models.CharField(_("保险单号"), max_length=60, blank=True, validators=[LINE])
    nature = models.CharField(
        _("活动性质"), max_length=20, choices=enums.Nature.choices, default=enums.Nature.SERVICE, db_default="service"
    )
    subsidy = models.DecimalField(
        _("每人补贴（元）"), max_digits=8, decimal_places=2, default=0, db_default=0, validators=[MinValueValidator(0)]
    )
    own_cost = models.DecimalField(
        _("每人自付支出（元）"), max_digits=8, decimal_places=2, default=0, db_default=0, validators=[MinValueValidator(0)]
    )
    service_declared = models.BooleanField(_("公益、自愿、无偿"), default=False, db_default=False)
    """The leader declares it of public benefit, free of assignment, own interest and payment by those served (`counting`)."""
    person_in_charge = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("负责人"))
    state = models.CharField(max_length=12, choices=enums.ActivityState.choices, default=enums.ActivityState.DRAFT)
    state_reason = models.CharField(max_length=200, blank=True)
    places = models.PositiveIntegerField(default=0, editable=False)
    taken = models.PositiveIntegerField(default=0, editable=False)
    """Sums over the posts, kept by a trigger."""
    search = ArrayField(models.CharField(max_length=40), default=list, editable=False)
    code_seed = models.BinaryField(max_length=20, editable=False)
    """Seed of the rotating codes of the day."""
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)

    objects = querysets.ActivityQuerySet.as_manager()

    class Meta:
        verbose_name = _("志愿服务活动")
        constraints = [
            ACTIVITY.check(),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="activity_ends_after_start",
                violation_error_message=_("结束时间要晚于开始时间。"),
            ),
            models.CheckConstraint(
                condition=Q(longitude=None, latitude=None) | Q(longitude__range=(-180, 180), latitude__range=(-85, 85)),
                name="activity_on_the_map",
                violation_error_message=_("请在地图上重新选择位置。"),
            ),
            models.CheckConstraint(
                condition=Q(max_age=None) | Q(max_age__gte=F("min_age")),
                name="activity_ages",
                violation_error_message=_("最大年龄不能小于最小年龄。"),
            ),
            models.CheckConstraint(
                condition=~Q(risk_notice=""),
                name="activity_risk_told",
                violation_error_message=_("请写明可能的风险（《志愿服务条例》第十二条）。"),
            ),
            models.CheckConstraint(
                condition=Q(danger=False) | ~Q(insurance="") | Q(state__in=["draft", "returned", "cancelled"]),
                name="activity_danger_insured",
                violation_error_message=_("可能有人身危险的活动要先购买保险，请填写保险单号（《志愿服务条例》第十七条）。"),
            ),
        ]
        triggers = [ACTIVITY.trigger()]
        indexes = [
            GinIndex(fields=["search"], name="activity_search"),
            models.Index(fields=["starts_at", "id"], condition=Q(state="published"), name="activity_open"),
            GistIndex(
                mercator(F("longitude"), F("latitude")),
                condition=Q(state="published", longitude__isnull=False),
                name="activity_near",
            ),
            models.Index(fields=["-starts_at", "-id"], condition=Q(state="closed"), name="activity_past"),
            models.Index(fields=["ends_at"], condition=Q(state="published"), name="activity_to_close"),
            models.Index(fields=["division", "state", "starts_at"], name="activity_division"),
            models.Index(fields=["team", "starts_at", "id"], name="activity_team"),
        ]

    def __str__(self) -> str:
        return self.title


class Post(models.Model):
    """A kind of work in an activity, with its number of places."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="posts", db_index=False)
    name = models.CharField(_("岗位"), max_length=40, validators=[LINE])
    places = models.PositiveSmallIntegerField(_("人数"))
    taken = models.PositiveSmallIntegerField(default=0, editable=False)
    skills = ArrayField(models.CharField(max_length=20), default=list, blank=True)

    class Meta:
        verbose_name = _("岗位")
        constraints = [
            models.CheckConstraint(
                condition=Q(taken__lte=F("places")),
                name="post_not_overfull",
                violation_error_message=_("人数不能少于已经报名的人数。"),
            ),
            models.CheckConstraint(
                condition=Q(places__gte=1), name="post_has_places", violation_error_message=_("每个岗位至少一人。")
            ),
            models.UniqueConstraint(
                fields=["activity", "name"], name="post_name_once", violation_error_message=_("同一活动的岗位名称不能重复。")
            ),
        ]
        triggers = [counters.ACTIVITY_PLACES]


class SignUp(models.Model):
    """One person's sign-up for one post. Capacity, doubles and overlap in time are settled by the database."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="sign_ups")
    activity = models.ForeignKey(Activity, models.PROTECT, related_name="sign_ups")
    person = models.ForeignKey(Person, models.PROTECT, related_name="sign_ups")
    state = models.CharField(max_length=10, choices=enums.SignUpState.choices)
    during = DateTimeRangeField()
    """The activity's time: copied, so that the database can refuse overlaps."""
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = querysets.SignUpQuerySet.as_manager()

    class Meta:
        verbose_name = _("报名")
        constraints = [
            SIGN_UP.check(),
            models.UniqueConstraint(fields=["person", "activity"], condition=~Q(state="cancelled"), name="sign_up_once"),
            ExclusionConstraint(
                name="sign_up_no_overlap",
                expressions=[("person", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                condition=Q(state="confirmed"),
            ),
        ]
        triggers = [SIGN_UP.trigger(), counters.POST_TAKEN]
        indexes = [
            models.Index(fields=["post", "created_at"], condition=Q(state="waiting"), name="sign_up_waiting"),
        ]


class ResidentRequest(models.Model):
    """A resident's request (群众点单): what its case does not know, that is when it is wanted and the activity that it became."""

    case = models.OneToOneField(Case, models.PROTECT, related_name="resident_request")
    starts_at = models.DateTimeField(_("希望的时间"), null=True, blank=True)
    """When it is wanted; nothing: any time."""
    activity = models.ForeignKey(
        Activity, models.PROTECT, null=True, blank=True, related_name="resident_requests", db_index=False, verbose_name=_("活动")
    )

    objects = querysets.ResidentRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("群众点单")
        indexes = [models.Index(fields=["activity"], condition=Q(activity__isnull=False), name="resident_request_activity")]


class MatchPreference(models.Model):
    """How a volunteer wants to be matched. Whether at all is the consent to `matching`: no consent, no match."""

    volunteer = models.OneToOneField(Volunteer, models.CASCADE, related_name="match_preference")
    reach = models.PositiveSmallIntegerField(
        _("最远距离（公里）"), default=10, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    weekly_limit = models.PositiveSmallIntegerField(
        _("七天内最多接受几次邀请"), default=3, validators=[MinValueValidator(1), MaxValueValidator(7)]
    )
    paused_until = models.DateField(_("暂停匹配到"), null=True, blank=True)

    class Meta:
        verbose_name = _("匹配设置")
        constraints = [
            models.CheckConstraint(condition=Q(reach__range=(1, 100)), name="match_reach"),
            models.CheckConstraint(condition=Q(weekly_limit__range=(1, 7)), name="match_weekly_limit"),
        ]


class MatchPlan(models.Model):
    """One assignment of a division's volunteers to its open places, for some days and some weights."""

    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name=_("区域"))
    first_day = models.DateField(_("第一天"))
    days = models.PositiveSmallIntegerField(_("天数"), default=1)
    weights = models.JSONField(_("权重"), default=dict)
    state = models.CharField(max_length=12, choices=enums.PlanState.choices, default=enums.PlanState.QUEUED)
    figures = models.JSONField(default=dict)
    """What came out: people, places, filled, mean distance, value, proof, by community."""
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.MatchPlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("匹配方案")
        constraints = [
            PLAN.check(),
            models.CheckConstraint(condition=Q(days__range=(1, 7)), name="plan_days"),
        ]
        triggers = [PLAN.trigger()]
        indexes = [models.Index(fields=["division", "-id"], name="plan_division")]


class Proposal(models.Model):
    """One person for one post, as a plan has it."""

    plan = models.ForeignKey(MatchPlan, models.CASCADE, related_name="proposals")
    post = models.ForeignKey(Post, models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    score = models.PositiveIntegerField()
    metres = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("拟安排")


class Invitation(models.Model):
    """One person asked to one activity. The city's cap is held by the database: each takes one of the places 1 to cap (`nth`) for
    seven days, and no two of a person may hold the same place at the same time."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="invitations")
    activity = models.ForeignKey(Activity, models.PROTECT, related_name="invitations")
    person = models.ForeignKey(Person, models.PROTECT, related_name="invitations", db_index=False)
    plan = models.ForeignKey(MatchPlan, models.PROTECT, null=True, blank=True, related_name="invitations")
    state = models.CharField(max_length=12, choices=enums.InvitationState.choices, default=enums.InvitationState.SENT)
    reason = models.CharField(_("原因"), max_length=20, choices=enums.DeclineReason.choices, blank=True)
    nth = models.PositiveSmallIntegerField()
    week = DateTimeRangeField()
    """Seven days from when it was sent."""
    score = models.PositiveIntegerField()
    metres = models.PositiveIntegerField()
    slots = models.PositiveIntegerField()
    """The free times that the activity takes: what "no time" means next time."""
    why = models.JSONField(default=list)
    """Signals with value and points, as they were."""
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = querysets.InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("邀请")
        constraints = [
            INVITATION.check(),
            models.CheckConstraint(condition=Q(nth__range=(1, 7)), name="invitation_nth"),
            models.CheckConstraint(condition=~Q(state="declined") | ~Q(reason=""), name="invitation_declined_with_reason"),
            models.UniqueConstraint(fields=["person", "activity"], condition=~Q(state="withdrawn"), name="invitation_once"),
            ExclusionConstraint(
                name="invitation_weekly_cap",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    ("nth", RangeOperators.EQUAL),
                    ("week", RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="withdrawn"),
            ),
        ]
        triggers = [INVITATION.trigger()]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="sent"), name="invitation_open"),
            models.Index(fields=["person", "-id"], name="invitation_person"),
        ]
