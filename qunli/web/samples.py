"""What the gallery shows: each component with its states, on made-up data."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.pages import Page
from qunli.kernel.timelines import Moment, timeline
from qunli.service_hours.states import RECORD


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=gettext_lazy("姓名"), help_text=gettext_lazy("与证件一致，少数民族姓名用“·”分隔。"), max_length=50)
    day = forms.DateField(label=gettext_lazy("日期"), widget=forms.DateInput(attrs={"type": "date"}), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("类型"),
        choices=[("a", gettext_lazy("助老助残")), ("b", gettext_lazy("生态环保")), ("c", gettext_lazy("平安巡防"))],
    )
    skills = forms.MultipleChoiceField(
        label=gettext_lazy("技能"),
        choices=[
            ("a", gettext_lazy("急救")),
            ("b", gettext_lazy("手语")),
            ("c", gettext_lazy("维修")),
            ("d", gettext_lazy("驾驶")),
        ],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    when = forms.ChoiceField(
        label=gettext_lazy("时段"),
        choices=[("a", gettext_lazy("上午")), ("b", gettext_lazy("下午")), ("c", gettext_lazy("晚上"))],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=gettext_lazy("说明"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    area = DivisionField(label=gettext_lazy("居住区域"), levels=(Level.COMMUNITY,))
    agree = forms.BooleanField(label=gettext_lazy("我已阅读并同意个人信息保护说明"))
    file = forms.FileField(label=gettext_lazy("证明材料"), help_text=gettext_lazy("PDF 或图片，不超过 5 MB。"), required=False)


def samples(request: HttpRequest) -> dict[str, Any]:
    at = datetime(2026, 3, 5, 9, 0, tzinfo=SHANGHAI)
    happened = [Moment("present", at, _("动态码签到")), Moment("draft", at.replace(hour=11, minute=30), _("本人签退"))]
    moments = [*happened, Moment("submitted", at.replace(day=6), "李**")]
    return {
        "empty_form": SampleForm(),
        "wrong_form": SampleForm({"wrong-name": "", "wrong-kind": "z", "wrong-day": "2026-02-30"}, prefix="wrong"),
        "file_form": SampleForm(prefix="file"),
        "going": timeline(
            RECORD, happened=moments, ahead=["verified", "confirmed"], due_on=date(2026, 3, 19), today=date(2026, 3, 16)
        ),
        "late": timeline(RECORD, happened=happened, ahead=["submitted"], due_on=date(2026, 3, 19), today=date(2026, 3, 24)),
        "ended": timeline(RECORD, happened=[*happened, Moment("void", at.replace(day=9), "王**", _("重复记录"))], stopped=["void"]),
        "clauses": [
            {"text": _("年满 18 周岁"), "clause": _("《志愿服务条例》第十五条"), "holds": "yes"},
            {"text": _("离您 1.2 公里"), "clause": "", "holds": "yes"},
            {"text": _("这段时间没有别的活动"), "clause": "", "holds": "no"},
            {"text": _("有急救证"), "clause": _("《志愿服务条例》第十六条"), "holds": "unknown"},
        ],
        "facts": [{"name": _("年龄"), "value": "34"}, {"name": _("距离"), "value": _("1.2 公里")}],
        "missing": [_("急救证的有效期")],
        "records": [{"name": _("2026年3月5日 社区助老"), "url": "#why"}],
        "evidence": [
            {"name": _("签到照片.jpg"), "note": "312 kB", "url": "#evidence"},
            {"name": _("保险单"), "note": _("已核对"), "url": ""},
        ],
        "pins": [
            {"title": _("府河清洁"), "label": "1", "latitude": 30.66, "longitude": 104.08, "url": "#map"},
            {"title": _("社区助老"), "label": "2", "latitude": 30.63, "longitude": 104.04, "url": "#map"},
        ],
        "page": Page(items=[], next="next", previous="previous"),
        "screens": [_("您是谁"), _("会什么"), _("确认")],
        "moment_of_day": at,
        "end_of_day": at.replace(hour=11, minute=30),
    }
