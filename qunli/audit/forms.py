from django import forms
from django.utils.translation import gettext_lazy as _


class SearchForm(forms.Form):
    verb = forms.CharField(label=_("动作"), required=False, max_length=60, help_text=_("开头即可，例如 look. 或 people.merge"))
    subject = forms.CharField(label=_("对象"), required=False, max_length=60, help_text=_("例如 person:42"))
    person = forms.IntegerField(label=_("操作人编号"), required=False, min_value=1, max_value=2**63 - 1)
    since = forms.DateField(label=_("从"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("到"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
