"""Looking for activities, teams and volunteers."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.divisions.forms import DivisionField
from qunli.volunteering.enums import (
    Category,
    Sponsor,
    VolunteerState,
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
