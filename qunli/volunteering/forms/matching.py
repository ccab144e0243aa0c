"""Whether and how one wants to be matched, invitations and plans."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from qunli.divisions.forms import DivisionField
from qunli.volunteering.enums import (
    DeclineReason,
)
from qunli.volunteering.matching import scoring
from qunli.volunteering.matching.finding import REASONS
from qunli.volunteering.matching.scoring import Weights


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
