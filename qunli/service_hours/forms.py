"""Forms of the day, of records and of certificates. They parse; services decide."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qunli.divisions.forms import DivisionField
from qunli.kernel.clock import SHANGHAI
from qunli.service_hours.enums import Checked, ServedRole, Way
from qunli.service_hours.services import Statement
from qunli.service_hours.verification import LARGEST


class DateTimeLocal(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _moment(label: Any, **options: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        widget=DateTimeLocal(),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": _("请填写日期和时间，例如 2026-03-05 09:30。"), "required": _("请填写时间。")},
        **options,
    )


def _reason(**options: Any) -> forms.CharField:
    return forms.CharField(
        label=_("原因"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("请写明原因。"), "max_length": _("原因最多 300 个字。")},
        **options,
    )


class CodeForm(forms.Form):
    """Six digits from the leader's screen. Whether they are right is for the service, which counts the attempts."""

    code = forms.CharField(
        label=_("签到码"),
        help_text=_("负责人屏幕上的 6 位数字，每 30 秒更换一次。"),
        max_length=20,
        error_messages={"required": _("请输入负责人屏幕上的 6 位数字。"), "max_length": _("签到码是 6 位数字。")},
        widget=forms.TextInput(attrs={"class": "code-input", "inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class PlaceForm(forms.Form):
    """What the browser says of its place. It is measured and forgotten."""

    longitude = forms.FloatField(widget=forms.HiddenInput(), required=False)
    latitude = forms.FloatField(widget=forms.HiddenInput(), required=False)
    accuracy = forms.FloatField(widget=forms.HiddenInput(), required=False)
    consent = forms.BooleanField(label=_("我同意在签到时使用位置"), required=False)
    place = forms.CharField(label=_("位置"), widget=forms.HiddenInput(), required=False)
    """Carries what is wrong with the place."""


class LeaderTimeForm(forms.Form):
    """The leader signs somebody in or out: now, or at a time and with a reason."""

    at = _moment(_("时间"), required=False, help_text=_("不填就是现在。"))
    reason = _reason(required=False, help_text=_("不是现在的时间，要写明原因。"))


LAST_MOMENT = 4_102_444_800_000
"""The year 2100 in milliseconds: what lies after it is no time of a device."""


class LateForm(forms.Form):
    """What a device noted without a network (`offline.js`). Whether it is right is for the service."""

    key = forms.UUIDField()
    at = forms.IntegerField(min_value=0, max_value=LAST_MOMENT)
    """Milliseconds since 1970."""
    skew = forms.IntegerField(min_value=-(2**31), max_value=2**31 - 1)
    ticket = forms.CharField(max_length=400)
    code = forms.CharField(max_length=20, required=False)

    def statement(self, way: str) -> Statement:
        """Of a valid form."""
        values = self.cleaned_data
        moment = datetime.fromtimestamp(values["at"] / 1000, SHANGHAI)
        return Statement(values["key"], Way(way), moment, values["ticket"], values["skew"])


class WalkInForm(forms.Form):
    """Somebody who came without having signed up."""

    person = forms.CharField(
        label=_("志愿者编号或手机号码"), max_length=30, error_messages={"required": _("请填写志愿者编号或手机号码。")}
    )


class TimesForm(forms.Form):
    signed_in_at = _moment(_("到达时间"))
    signed_out_at = _moment(_("离开时间"))
    reason = _reason(help_text=_("例如：忘记签退，按签到表 16:30 离开。"))


class ReasonForm(forms.Form):
    reason = _reason()


class PhotoForm(forms.Form):
    """A photo of the person at the service. What it is, is decided by its content, in the room `files`."""

    file = forms.FileField(
        label=_("现场照片"),
        help_text=_("拍到本人正在服务，最大 10 MB。请先征得照片里的人同意；自带的位置和时间只用来核对，不留在照片里。"),
        error_messages={"required": _("请选择照片。"), "empty": _("这个文件是空的，请重新选择。")},
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )


class ServedForm(forms.Form):
    """To whom the question goes whether the volunteers came."""

    role = forms.ChoiceField(label=_("由谁确认"), choices=ServedRole.choices, initial=ServedRole.PERSON)
    phone = forms.CharField(
        label=_("对方的手机号码"),
        max_length=30,
        help_text=_("对方会收到一条短信，不用注册：把短信里的确认码告诉您，或自己点开链接确认。号码不会保存。"),
        error_messages={"required": _("请填写手机号码。")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )


class ServedCodeForm(forms.Form):
    """What the person served read out. Whether it is right is for the service, which counts the attempts."""

    statement = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput())
    code = forms.CharField(
        label=_("确认码"),
        max_length=20,
        error_messages={"required": _("请输入服务对象告诉您的 6 位数字。"), "max_length": _("确认码是 6 位数字。")},
        widget=forms.TextInput(attrs={"class": "code-input", "inputmode": "numeric", "autocomplete": "off"}),
    )


class ReplyForm(forms.Form):
    """How it was, in the words of who is concerned."""

    reply = forms.CharField(
        label=_("情况说明"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("请写明情况。")},
    )


class PeriodForm(forms.Form):
    """The period that a certificate covers, both days included."""

    since = forms.DateField(
        label=_("开始日期"),
        widget=Day(),
        error_messages={"invalid": _("请填写日期，例如 2026-01-01。"), "required": _("请填写开始日期。")},
    )
    until = forms.DateField(
        label=_("截止日期"),
        widget=Day(),
        error_messages={"invalid": _("请填写日期，例如 2026-06-30。"), "required": _("请填写截止日期。")},
    )


class IssueForm(PeriodForm):
    """The same for another person."""

    person = forms.CharField(label=_("志愿者编号"), max_length=20, error_messages={"required": _("请填写志愿者编号。")})
    field_order = ("person", "since", "until")


class NumberForm(forms.Form):
    number = forms.CharField(
        label=_("证明编号"),
        max_length=60,
        help_text=_("在证明的标题下面，以 QL 开头。"),
        error_messages={"required": _("请填写证明编号。"), "max_length": _("这不像证明编号，请核对。")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "placeholder": "QL2026-XXXX-XXXX-XXXX-X"}
        ),
    )


class FileForm(forms.Form):
    file = forms.FileField(
        label=_("证明文件"),
        help_text=_("PDF 文件，最大 5 MB。文件只用来核对，不会保存。"),
        error_messages={"required": _("请选择要核验的 PDF 文件。"), "empty": _("这个文件是空的，请重新选择。")},
        widget=forms.ClearableFileInput(attrs={"accept": "application/pdf,.pdf"}),
    )

    def clean_file(self) -> Any:
        """The upload, unless it is too large to be ours."""
        file = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST:
            raise forms.ValidationError(_("文件超过 5 MB，不会是本平台的证明。请核对后重新选择。"), code="too_large")
        return file


def local(moment: datetime | None) -> str:
    """A moment as the initial value of a datetime-local input, in Shanghai's clock."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M") if moment else ""


class RoundForm(forms.Form):
    """A spot check: where, when, how many."""

    division = DivisionField(label=_("区域"))
    since = forms.DateField(label=_("服务日期从"), widget=Day(), error_messages={"invalid": _("请填写日期，例如 2026-03-05。")})
    until = forms.DateField(label=_("服务日期到"), widget=Day(), error_messages={"invalid": _("请填写日期，例如 2026-03-05。")})
    size = forms.IntegerField(label=_("抽取条数"), min_value=1, help_text=_("每条都要有人看，一般 100 到 400 条。"))


class CheckForm(forms.Form):
    """The verdict on a drawn record."""

    verdict = forms.ChoiceField(
        label=_("认定"),
        choices=Checked.choices,
        widget=forms.RadioSelect(),
        error_messages={"required": _("请选择属实、不实或无法认定。"), "invalid_choice": _("请选择属实、不实或无法认定。")},
    )
    note = forms.CharField(
        label=_("说明"),
        required=False,
        max_length=500,
        help_text=_("认定不实或无法认定时必填：看了什么、问了谁。"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class StarForm(forms.Form):
    """The decision on stars: a document for those that the level above approves, a reason for those that are refused."""

    document = forms.CharField(
        label=_("上级批准文号"), required=False, max_length=100, help_text=_("上级批准的星级才要填，写批准文件的文号。")
    )
    reason = forms.CharField(
        label=_("不予评定的原因"),
        required=False,
        max_length=300,
        help_text=_("不予评定时必填，本人会看到。"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
