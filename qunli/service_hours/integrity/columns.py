"""Attendances as columns: what the checks work on, whether one person's or a city's. No ORM; times are seconds since 1970 (UTC)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
NOBODY = 0
"""Stands for a recorder or verifier that is not on record: keys of persons are positive."""
UNKNOWN = -1
"""Stands for a distance that was not measured."""
UTC_TO_SHANGHAI = 8 * 3600
"""The days of the law are those of Shanghai."""


@dataclass(frozen=True)
class Attendances:
    """One row for each record that has a sign-out and was not voided, in the order of their keys."""

    record: Array
    person: Array
    recorder: Array
    """Who signed the person in or set the times; NOBODY when the person did it by code or place."""
    verifier: Array
    """Who answers for the organisation; NOBODY while it is not verified."""
    signed_in: Array
    signed_out: Array
    starts: Array
    ends: Array
    """Of the activity."""
    minutes: Array
    """What counts."""
    distance: Array
    """Metres from the place when signing in or out, the farther of both; UNKNOWN without."""
    radius: Array
    """Metres within which the activity allows it."""
    on_duty: Array
    """1 when the person had a paid shift at that time, by the duty roster; 0 otherwise."""
    longitude: Array
    latitude: Array
    """Of the activity's place, in degrees; NaN when it has none."""

    def __len__(self) -> int:
        return len(self.record)

    def take(self, rows: Array) -> "Attendances":
        """The rows at these places (or where a mask is true), in their order."""
        return Attendances(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def since(self) -> Array:
        """From when the presence counts."""
        return np.maximum(self.signed_in, self.starts)

    @property
    def until(self) -> Array:
        """Until when it counts; never before `since`."""
        return np.maximum(np.minimum(self.signed_out, self.ends), self.since)

    @property
    def planned(self) -> Array:
        """Minutes that the activity was planned for."""
        return (self.ends - self.starts) // 60

    @property
    def day(self) -> Array:
        """Day number (days since 1970) of the service in Shanghai."""
        return (self.since + UTC_TO_SHANGHAI) // 86_400


def attendances(**columns: Sequence[Any] | Array) -> Attendances:
    """Columns of any kind as those of the checks."""
    places = {"longitude", "latitude"}
    return Attendances(
        **{name: np.asarray(column, dtype=np.float64 if name in places else np.int64) for name, column in columns.items()}
    )
