"""What people type. Each form gives one value object of the services; a refusal of a service is shown at its field."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Refused
from qunli.people.enums import IdKind, Purpose, Relation, Sex
from qunli.people.identity import check_birth_date, normal_name, normal_phone, parse_document
from qunli.people.models import Person
from qunli.people.wordings import current
from qunli.volunteering import numbers
from qunli.volunteering.enums import (
    TIMES_OF_DAY,
    WEEKDAYS,
    Category,
    DeclineReason,
    Nature,
    Skill,
    Sponsor,
    TeamLevel,
    VolunteerState,
)
from qunli.volunteering.matching import scoring
from qunli.volunteering.matching.finding import REASONS
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Post, Team
from qunli.volunteering.services import ActivityValues, GuardianAnswers, PostValues, TeamValues


class DateTimeLocal(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", attrs={"step": 300})


def _when(label: Any) -> forms.DateTimeField:
    return forms.DateTimeField(label=label, widget=DateTimeLocal(), input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


def _yuan(label: Any, help_text: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, help_text=help_text, min_value=0, max_value=999999, decimal_places=2, max_digits=8, initial=0, required=False
    )  # fmt: skip


class IdentityForm(forms.Form):
    """Screen 1: who you are."""

    name = forms.CharField(label=gettext_lazy("姓名"), max_length=50, help_text=gettext_lazy("与证件一致，少数民族姓名可用“·”。"))
    id_kind = forms.ChoiceField(label=gettext_lazy("证件类型"), choices=IdKind.choices, initial=IdKind.RESIDENT)
    id_number = forms.CharField(
        label=gettext_lazy("证件号码"),
        max_length=32,
        help_text=gettext_lazy("只用于核对身份，加密保存，页面上不显示。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    birth_date = forms.DateField(
        label=gettext_lazy("出生日期"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    sex = forms.ChoiceField(
        label=gettext_lazy("性别"),
        required=False,
        choices=[("", gettext_lazy("按证件号码")), *Sex.choices],
    )
    phone = forms.CharField(
        label=gettext_lazy("手机号码"), max_length=20, widget=forms.TextInput(attrs={"inputmode": "tel", "type": "tel"})
    )

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "id_kind", "id_number", "phone")]

    def more(self) -> list[forms.BoundField]:
        """What a resident's number says by itself."""
        return [self[name] for name in ("birth_date", "sex")]

    def clean_name(self) -> str:
        return _checked(normal_name, self.cleaned_data["name"])

    def clean_phone(self) -> str:
        return _checked(normal_phone, self.cleaned_data["phone"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "id_kind" in data and "id_number" in data:
            try:
                document = parse_document(data["id_kind"], data["id_number"])
                data["id_number"] = document.normal
                if document.birth_date is None and data.get("birth_date") is None and "birth_date" not in self.errors:
                    self.add_error("birth_date", _("请填写出生日期，与证件一致。"))
                elif document.birth_date is None:
                    check_birth_date(data["birth_date"])
                elif data.get("birth_date") not in (None, document.birth_date):
                    self.add_error("birth_date", _("出生日期与证件号码不一致，请核对。"))
            except Refused as refused:
                self.add_error(refused.field if refused.field in self.fields else None, str(refused.message))
        return data


def _checked(check: Callable[[str], str], text: str) -> str:
    """Run a rule of the people room as the field's own."""
    try:
        return check(text)
    except Refused as refused:
        raise forms.ValidationError(str(refused.message), refused.code) from refused


class OfferForm(forms.Form):
    """Screen 2: what one offers; also the profile afterwards."""

    division = DivisionField(label=gettext_lazy("服务区域"), levels=(Level.DISTRICT, Level.STREET, Level.COMMUNITY))
    categories = forms.MultipleChoiceField(
        label=gettext_lazy("愿意参加的服务"), choices=Category.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    skills = forms.MultipleChoiceField(
        label=gettext_lazy("技能"), choices=Skill.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    free_times = forms.MultipleChoiceField(
        label=gettext_lazy("空闲时间"),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "thirds"}),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (str(3 * d + t), _("%(day)s%(time)s") % {"day": day, "time": time})
            for d, day in enumerate(WEEKDAYS)
            for t, time in enumerate(TIMES_OF_DAY)
        ]
        field: Any = self.fields["free_times"]
        field.choices = choices

    def bits(self) -> int:
        """The free times as the model keeps them."""
        return sum(1 << int(n) for n in self.cleaned_data["free_times"])


def free_times_of(bits: int) -> list[str]:
    return [str(n) for n in range(21) if bits >> n & 1]


class ConsentForm(forms.Form):
    """Screen 3: consents, one by one (PIPL 14, 29), each with the text in force."""

    registration = forms.BooleanField(label=gettext_lazy("我自愿登记为志愿者，填写的信息真实、准确、完整"))
    identity = forms.BooleanField(label=gettext_lazy("我同意平台处理我的证件号码"))
    location = forms.BooleanField(label=gettext_lazy("我同意签到时使用我的位置"), required=False)
    publish_name = forms.BooleanField(label=gettext_lazy("我同意在公示中显示我的姓名"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for purpose, field in self.fields.items():
            field.help_text = current(purpose, local_date(timezone.now())).text

    def consents(self) -> frozenset[str]:
        return frozenset(p for p in Purpose.values if self.cleaned_data.get(p))


class GuardianForm(forms.Form):
    """Screen 3 for a minor: the guardian's particulars."""

    guardian_name = forms.CharField(label=gettext_lazy("监护人姓名"), max_length=50)
    guardian_relation = forms.ChoiceField(label=gettext_lazy("与未成年人的关系"), choices=Relation.choices)
    guardian_id_kind = forms.ChoiceField(label=gettext_lazy("监护人证件类型"), choices=IdKind.choices, initial=IdKind.RESIDENT)
    guardian_id_number = forms.CharField(
        label=gettext_lazy("监护人证件号码"), max_length=32, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    guardian_phone = forms.CharField(
        label=gettext_lazy("监护人手机号码"), max_length=20, widget=forms.TextInput(attrs={"inputmode": "tel", "type": "tel"})
    )

    def clean_guardian_name(self) -> str:
        return _checked(normal_name, self.cleaned_data["guardian_name"])

    def clean_guardian_phone(self) -> str:
        return _checked(normal_phone, self.cleaned_data["guardian_phone"])


class GuardianCodeForm(forms.Form):
    """Screen 4 for a minor: the code that the guardian got, and agrees with to the text in force."""

    guardian_code = forms.CharField(
        label=gettext_lazy("监护人收到的验证码"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("请填写监护人手机收到的验证码。")},
    )


def guardian_answers(kept: dict[str, str], code: str = "") -> GuardianAnswers:
    """What `GuardianForm` was given, as the draft keeps it, and the code."""
    return GuardianAnswers(**{name.removeprefix("guardian_"): value for name, value in kept.items()}, code=code)


class TeamForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("队伍名称"), max_length=100)
    level = forms.ChoiceField(label=gettext_lazy("层级"), choices=TeamLevel.choices, initial=TeamLevel.COMMUNITY)
    division = DivisionField(label=gettext_lazy("所在区域"))
    sponsor = forms.ChoiceField(label=gettext_lazy("发起单位类型"), choices=Sponsor.choices, initial=Sponsor.RESIDENTS)
    sponsor_name = forms.CharField(label=gettext_lazy("发起单位"), max_length=100, required=False)
    credit_code = forms.CharField(
        label=gettext_lazy("统一社会信用代码"),
        max_length=18,
        required=False,
        help_text=gettext_lazy("社会组织和企业必填，18 位，例如 91350100M000100Y43。"),
    )
    founded_on = forms.DateField(
        label=gettext_lazy("成立日期"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    introduction = forms.CharField(
        label=gettext_lazy("介绍"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def values(self, parent: Team | None) -> TeamValues:
        return TeamValues(parent=parent, **self.cleaned_data)


class ActivityForm(forms.Form):
    """An activity of a team, without its posts."""

    title = forms.CharField(label=gettext_lazy("活动名称"), max_length=100)
    category = forms.ChoiceField(label=gettext_lazy("服务类别"), choices=Category.choices)
    content = forms.CharField(
        label=gettext_lazy("服务内容"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("做什么，怎么做，要带什么。"),
    )
    starts_at = _when(gettext_lazy("开始时间"))
    ends_at = _when(gettext_lazy("结束时间"))
    division = DivisionField(label=gettext_lazy("所在区域"))
    address = forms.CharField(label=gettext_lazy("地点"), max_length=200, help_text=gettext_lazy("集合的地方，让人找得到。"))
    longitude = forms.FloatField(
        label=gettext_lazy("经度"),
        required=False,
        min_value=-180,
        max_value=180,
        help_text=gettext_lazy("在地图上点一下就会填好。"),
    )
    latitude = forms.FloatField(label=gettext_lazy("纬度"), required=False, min_value=-85, max_value=85)
    radius = forms.IntegerField(label=gettext_lazy("签到范围（米）"), initial=500, min_value=50, max_value=5000)
    min_age = forms.IntegerField(label=gettext_lazy("最小年龄"), initial=18, min_value=0, max_value=120)
    max_age = forms.IntegerField(label=gettext_lazy("最大年龄"), required=False, min_value=0, max_value=120)
    risk_notice = forms.CharField(
        label=gettext_lazy("风险告知"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("《志愿服务条例》第十二条：招募时要说明可能的风险。"),
    )
    danger = forms.BooleanField(label=gettext_lazy("可能有人身危险（要先买保险）"), required=False)
    insurance = forms.CharField(
        label=gettext_lazy("保险单号"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("有人身危险的活动必填（条例第十七条）。"),
    )
    nature = forms.ChoiceField(label=gettext_lazy("活动性质"), choices=Nature.choices, initial=Nature.SERVICE)
    subsidy = _yuan(gettext_lazy("每人补贴（元）"), gettext_lazy("交通、误餐等补贴，没有就填 0。"))
    own_cost = _yuan(gettext_lazy("每人自付支出（元）"), gettext_lazy("每人自己要花的路费、餐费、材料费，估一个数。"))
    service_declared = forms.BooleanField(
        label=gettext_lazy("这是志愿服务：对社会或他人有益，大家自愿参加，不为本人或亲属谋利，不向服务对象收费"), required=False
    )
    person_in_charge = forms.TypedChoiceField(label=gettext_lazy("负责人"), coerce=int)

    def __init__(self, *args: Any, leaders: list[Person], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaders = {person.pk: person for person in leaders}
        field: Any = self.fields["person_in_charge"]
        field.choices = [(person.pk, person.name) for person in leaders]

    def _fields(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names]

    def what(self) -> list[forms.BoundField]:
        return self._fields("title", "category", "content", "person_in_charge")

    def where(self) -> list[forms.BoundField]:
        return self._fields("starts_at", "ends_at", "division", "address", "longitude", "latitude", "radius")

    def whom(self) -> list[forms.BoundField]:
        return self._fields("min_age", "max_age", "risk_notice", "danger", "insurance")

    def whether(self) -> list[forms.BoundField]:
        """Whether it counts as voluntary service (`counting`)."""
        return self._fields("nature", "subsidy", "own_cost", "service_declared")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        starts_at, ends_at = data.get("starts_at"), data.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", _("结束时间要晚于开始时间。"))
        if data.get("danger") and not data.get("insurance"):
            self.add_error("insurance", _("可能有人身危险的活动要先购买保险，请填写保险单号（《志愿服务条例》第十七条）。"))
        return data

    def values(self) -> ActivityValues:
        data = dict(self.cleaned_data)
        data["person_in_charge"] = self.leaders[data["person_in_charge"]]
        data |= {name: data[name] or Decimal(0) for name in ("subsidy", "own_cost")}
        return ActivityValues(**data)

    @staticmethod
    def initial_of(values: ActivityValues) -> dict[str, Any]:
        initial = {name: getattr(values, name) for name in ActivityForm.base_fields}
        initial["person_in_charge"] = values.person_in_charge.pk
        initial["starts_at"] = values.starts_at.astimezone(SHANGHAI)
        initial["ends_at"] = values.ends_at.astimezone(SHANGHAI)
        return initial


class PostForm(forms.Form):
    pk = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("岗位"), max_length=40)
    places = forms.IntegerField(label=gettext_lazy("人数"), min_value=1, max_value=9999, initial=10)
    skills = forms.MultipleChoiceField(
        label=gettext_lazy("需要的技能"), choices=Skill.choices, widget=forms.CheckboxSelectMultiple, required=False
    )

    def values(self) -> PostValues:
        data = self.cleaned_data
        return PostValues(name=data["name"], places=data["places"], skills=sorted(data["skills"]), pk=data["pk"])


class BasePosts(forms.BaseFormSet):  # type: ignore[type-arg]
    def values(self) -> list[PostValues]:
        """The posts that were filled in, here or before, and not marked for removal."""
        return [form.values() for form in self.forms if form.has_changed() or form.initial if not self._gone(form)]

    def _gone(self, form: forms.Form) -> bool:
        return bool(not form.cleaned_data or form.cleaned_data.get("DELETE"))


def typed(form: forms.BaseForm, data: Any) -> dict[str, Any]:
    """What stands in the fields of a form that was sent, unread and unjudged: the `initial` of the same form once more."""
    return {name: field.widget.value_from_datadict(data, {}, form.add_prefix(name)) for name, field in form.fields.items()}


PostFormSet = forms.formset_factory(PostForm, formset=BasePosts, extra=2, max_num=20, validate_max=True, can_delete=True)


class ReasonForm(forms.Form):
    """Every no, every cancellation and every change says why."""

    reason = forms.CharField(
        label=gettext_lazy("原因"), max_length=200, error_messages={"required": gettext_lazy("请写明原因，对方会看到。")}
    )


class FindForm(forms.Form):
    """What somebody looks for; every field may stay empty, and a field that cannot be read does not hide the rest."""

    q = forms.CharField(
        label=gettext_lazy("关键词"),
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": gettext_lazy("活动、队伍、地点；可用拼音首字母")}),
    )
    category = forms.ChoiceField(
        label=gettext_lazy("类别"), required=False, choices=[("", gettext_lazy("全部类别")), *Category.choices]
    )
    division = DivisionField(label=gettext_lazy("地区"), required=False)
    day = forms.DateField(
        label=gettext_lazy("日期"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    free = forms.BooleanField(label=gettext_lazy("只看有名额的"), required=False)
    near = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput(attrs={"data-near": ""}))

    def clean_near(self) -> tuple[float, float] | None:
        text = self.cleaned_data["near"]
        if not text:
            return None
        try:
            longitude, latitude = (float(part) for part in text.split(","))
        except ValueError as error:
            raise forms.ValidationError(_("没有读懂位置。请重新定位，或按地区查找。")) from error
        if not (-180 <= longitude <= 180 and -85 <= latitude <= 85):
            raise forms.ValidationError(_("没有读懂位置。请重新定位，或按地区查找。"))
        return longitude, latitude


class FindTeamForm(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("关键词"),
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": gettext_lazy("队伍名称；可用拼音首字母")}),
    )
    sponsor = forms.ChoiceField(
        label=gettext_lazy("发起单位"), required=False, choices=[("", gettext_lazy("全部")), *Sponsor.choices]
    )


class SignUpForForm(forms.Form):
    """A leader signs up somebody without a phone, by the volunteer number."""

    number = forms.CharField(
        label=gettext_lazy("志愿者编号"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    post = forms.TypedChoiceField(label=gettext_lazy("岗位"), coerce=int)
    wait = forms.BooleanField(label=gettext_lazy("满员时排候补"), required=False)

    def __init__(self, *args: Any, posts: list[Post], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["post"]
        field.choices = [(post.pk, post.name) for post in posts]

    def clean_number(self) -> str:
        number = "".join(self.cleaned_data["number"].split())
        if not numbers.is_valid(number):
            raise forms.ValidationError(_("编号应为 14 位数字，且最后一位是校验码，请核对。"), code="number")
        return number


class FindVolunteerForm(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("姓名或编号"),
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": gettext_lazy("姓名或志愿者编号")}),
    )
    state = forms.ChoiceField(
        label=gettext_lazy("状态"), required=False, choices=[("", gettext_lazy("全部")), *VolunteerState.choices]
    )


class MoveForm(forms.Form):
    """Transfer to another team, by its number (on its page)."""

    to = forms.IntegerField(label=gettext_lazy("转到的队伍编号"), min_value=1, help_text=gettext_lazy("队伍页面上有编号。"))


class MatchForm(forms.Form):
    """Whether and how one wants to be matched."""

    agrees = forms.BooleanField(label=gettext_lazy("同意智能匹配和活动邀请"), required=False)
    reach = forms.IntegerField(label=gettext_lazy("最远距离（公里）"), min_value=1, max_value=100)
    weekly_limit = forms.IntegerField(label=gettext_lazy("七天内最多接受几次邀请"), min_value=1, max_value=7)
    paused_until = forms.DateField(
        label=gettext_lazy("暂停匹配到"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class DeclineForm(forms.Form):
    reason = forms.ChoiceField(label=gettext_lazy("原因"), choices=DeclineReason.choices, widget=forms.RadioSelect)


class AskForm(forms.Form):
    """How many of those who are proposed are asked."""

    count = forms.IntegerField(label=gettext_lazy("邀请前几位"), min_value=1, max_value=100)


class PlanForm(forms.Form):
    """Days, division and weights of a plan."""

    division = DivisionField(label=gettext_lazy("区域"))
    first_day = forms.DateField(label=gettext_lazy("第一天"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    days = forms.TypedChoiceField(
        label=gettext_lazy("天数"), coerce=int, choices=[(1, gettext_lazy("一天")), (7, gettext_lazy("一周"))]
    )

    def __init__(self, *args: Any, weights: Weights, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in scoring.names():
            self.fields[name] = forms.IntegerField(
                label=REASONS[name], min_value=0, max_value=100, initial=getattr(weights, name), required=True
            )

    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in ("division", "first_day", "days")]

    def weighing(self) -> list[forms.BoundField]:
        return [self[name] for name in scoring.names()]

    def weights(self) -> Weights:
        return Weights(**{name: self.cleaned_data[name] for name in scoring.names()})


__all__ = [
    "ActivityForm",
    "AskForm",
    "ConsentForm",
    "DeclineForm",
    "FindForm",
    "FindTeamForm",
    "FindVolunteerForm",
    "GuardianForm",
    "IdentityForm",
    "MatchForm",
    "MoveForm",
    "OfferForm",
    "PlanForm",
    "PostFormSet",
    "ReasonForm",
    "SignUpForForm",
    "TeamForm",
    "free_times_of",
    "typed",
]
