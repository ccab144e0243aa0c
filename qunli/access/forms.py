"""Granting and ending a posting."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qunli.access.perms import may_grant_anything
from qunli.access.roles import ROLES, grant_permission
from qunli.accounts.models import Account
from qunli.divisions.forms import DivisionField
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.people.identity import normal_phone
from qunli.people.models import Person
from qunli.people.selectors import find_by_phone, phone_digest


def _date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class GrantForm(forms.Form):
    """`by` decides which roles are offered: only those that this actor may grant somewhere."""

    phone = forms.CharField(
        label=_("此人的手机号码"),
        max_length=24,
        help_text=_("填写此人登记的手机号码。"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
    )
    name = forms.CharField(label=_("姓名"), max_length=50, help_text=_("用来核对，没有填错人。"))
    role = forms.ChoiceField(label=_("角色"))
    division = DivisionField(label=_("任职区划"))
    unit = forms.CharField(
        label=_("限于队伍或单位"), max_length=40, required=False, help_text=_("只有队长和合作单位需要，例如 team:42。")
    )
    valid_from = forms.DateField(label=_("开始日期"), widget=_date_input())
    valid_to = forms.DateField(
        label=_("结束日期"), required=False, help_text=_("从这一天起不再有效；不填为长期。"), widget=_date_input()
    )
    reason = forms.CharField(label=_("理由"), max_length=200, help_text=_("例如任命文件的文号。"))

    def __init__(self, *args: Any, by: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["role"]
        offered = [(role.key, role.name) for role in ROLES.values() if by.has(grant_permission(role.key))]
        choice.choices = offered if may_grant_anything(by) else []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "phone" in data and "name" in data:
            try:
                data["person"] = self._person(data["phone"], data["name"])
            except Refused as refused:
                self.add_error("phone", str(refused.message))
        return data

    @staticmethod
    def _person(phone: str, name: str) -> Person:
        """Phone and name must both be right: knowing one of them opens nobody's record.

        Everybody writes the phone of their own record as they like; that of an account was proven by a code. So whoever has an
        account is found by its phone only: nobody is appointed in another's name.
        """
        digest = phone_digest(normal_phone(phone))
        matching = [
            person for person in find_by_phone(phone) if person.name == name.strip() and digest in (_proven(person) or {digest})
        ]
        if len(matching) != 1:
            raise Refused(_("没有找到手机号码和姓名都相符的人。"), code="person", field="phone")
        return matching[0]


def _proven(person: Person) -> set[bytes]:
    """Digests of the phones by which the person signs in."""
    return {bytes(found or b"") for found in Account.objects.filter(person=person).values_list("phone_digest", flat=True)}


class EndForm(forms.Form):
    on = forms.DateField(label=_("从哪天起不再有效"), widget=_date_input())
    reason = forms.CharField(label=_("理由"), max_length=200)
