"""Activities with their posts, and signing up somebody else."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import SHANGHAI
from qunli.people.models import Person
from qunli.volunteering import numbers
from qunli.volunteering.enums import (
    Category,
    Nature,
    Skill,
)
from qunli.volunteering.models import Post
from qunli.volunteering.services import ActivityValues, PostValues


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
