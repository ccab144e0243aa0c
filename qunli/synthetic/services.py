"""Filling an empty database with a city."""

from datetime import date
from time import monotonic

from django.conf import settings
from django.utils.translation import gettext as _

from qunli.kernel.errors import Refused
from qunli.people import wordings
from qunli.people.enums import Purpose
from qunli.synthetic import city, loading, requests
from qunli.synthetic.loading import Progress, Written
from qunli.synthetic.places import NoDivisions


def synthesize(*, scale: float, seed: int, today: date, progress: Progress = lambda what, done, total: None) -> list[Written]:
    """Write a city.

    Raises Refused with the remedy when there are no divisions, the scale cannot be, or somebody lives there already.
    """
    mend()
    try:
        wording = wordings.current(Purpose.REGISTRATION, today).version
        tables = city.draw(scale=scale, seed=seed, today=today, city=settings.CITY_CODE, wording=wording)
    except NoDivisions as error:
        raise Refused(_("还没有行政区划。请先运行 script/manage load_divisions。"), code="divisions") from error
    except ValueError as error:
        raise Refused(_("规模不合适：%(why)s") % {"why": error}, code="scale", field="scale") from error
    try:
        written = loading.write(tables, progress)
    except loading.NotEmpty as error:
        message = _("数据库里已经有数据（%(table)s），不会覆盖。需要重来请运行 script/server --reset。") % {"table": error}
        raise Refused(message, code="not_empty") from error
    except loading.Busy as error:
        raise _busy() from error
    started = monotonic()
    asked = requests.write(scale=scale, seed=seed, today=today)
    return [*written, Written("cases_case", asked, 0, monotonic() - started)]


def mend() -> bool:
    """Empty what a writing that was cut off has left; whether there was one. Raises Refused while a writing goes on."""
    try:
        return loading.mend()
    except loading.Busy as error:
        raise _busy() from error


def _busy() -> Refused:
    return Refused(_("另一个命令正在写入城市。请等它结束。"), code="busy")
