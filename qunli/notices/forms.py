"""How one wants to be told."""

from django import forms
from django.utils.translation import gettext_lazy as _


class PreferenceForm(forms.Form):
    sms = forms.BooleanField(label=_("重要消息发短信"), required=False, help_text=_("活动变更、取消、候补成功等。"))
    email = forms.BooleanField(label=_("重要消息发电子邮件"), required=False, help_text=_("需要先在个人资料里填写电子邮箱。"))
