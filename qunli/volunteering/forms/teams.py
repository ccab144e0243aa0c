"""Teams, moving between them, and every no with its reason."""

from django import forms
from django.utils.translation import gettext_lazy

from qunli.divisions.forms import DivisionField
from qunli.volunteering.enums import (
    Sponsor,
    TeamLevel,
)
from qunli.volunteering.models import Team
from qunli.volunteering.services import TeamValues


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


class ReasonForm(forms.Form):
    """Every no, every cancellation and every change says why."""

    reason = forms.CharField(
        label=gettext_lazy("原因"), max_length=200, error_messages={"required": gettext_lazy("请写明原因，对方会看到。")}
    )


class MoveForm(forms.Form):
    """Transfer to another team, by its number (on its page)."""

    to = forms.IntegerField(label=gettext_lazy("转到的队伍编号"), min_value=1, help_text=gettext_lazy("队伍页面上有编号。"))
