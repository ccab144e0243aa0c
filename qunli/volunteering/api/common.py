"""Small help of the operations."""

from typing import Annotated

from django.utils.translation import gettext as _
from pydantic import Field

from qunli.divisions import selectors as divisions
from qunli.divisions.models import Division
from qunli.kernel.errors import Refused

Cursor = Annotated[str | None, Field(max_length=600, description="`next` or `previous` of another page")]


def division_of(code: str) -> Division:
    """The division in force with this code. Raises Refused at `division`."""
    try:
        return divisions.by_code(code)
    except Division.DoesNotExist as error:
        raise Refused(_("没有这个区划代码：%(code)s。") % {"code": code}, code="division", field="division") from error
