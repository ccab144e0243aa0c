"""What pages and API share in reading a request."""

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from qunli.kernel.http import actor_of

Found = TypeVar("Found")


def found(read: Callable[..., Found], request: HttpRequest, pk: int) -> Found:
    """One object that the reader may see, or 404: what may not be seen does not exist."""
    try:
        return read(pk=pk, actor=actor_of(request))
    except ObjectDoesNotExist as error:
        raise Http404(_("没有找到，或者您不能查看。")) from error
