"""The clocks of a case: pure, over the dated table in `data/clocks.toml`."""

import tomllib
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from qunli.kernel.clock import WorkingDay, add_working_days


class Clocks(NamedTuple):
    """One version. Working days, but for `contact_hours`."""

    source: str
    source_en: str
    effective_from: date
    days: dict[str, int]
    contact_hours: int
    extension_days: dict[str, int]
    visit_back_days: int
    archive_days: int
    reopen_days: int
    urge_after_days: int
    supervise_after_days: int
    failed_contacts: int

    def reply_by(self, nature: str, received: date, extended: int = 0) -> WorkingDay:
        """The last day for the reply to a case received (or opened again) on a day."""
        return add_working_days(received, self.days[nature] + extended)

    def contact_by(self, dispatched: datetime) -> datetime:
        """The last moment for the first contact with the requester."""
        return dispatched + timedelta(hours=self.contact_hours)

    def pressure(self, due: date, today: date) -> str:
        """How far an unanswered case due on `due` should have been pressed by `today`."""
        if today <= due:
            return "calm"
        if today > add_working_days(due, self.supervise_after_days).date:
            return "supervised"
        return "urged" if today > add_working_days(due, self.urge_after_days).date else "overdue"


@lru_cache(maxsize=1)
def versions() -> tuple[Clocks, ...]:
    """All versions, the oldest first."""
    file = Path(__file__).parent / "data" / "clocks.toml"
    found = [Clocks(**entry) for entry in tomllib.loads(file.read_text("utf-8"))["version"]]
    return tuple(sorted(found, key=lambda version: version.effective_from))


def clocks_on(day: date) -> Clocks:
    """The version in force on a day; before the first one, the first."""
    return next((version for version in reversed(versions()) if version.effective_from <= day), versions()[0])
