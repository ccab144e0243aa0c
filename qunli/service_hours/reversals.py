"""Who hears when hours are taken back: the stars of this room, and points and whatever else rests on hours in the rooms above.

A room registers a listener from its AppConfig.ready (`services.on_reversal`); nothing here knows who listens. Each is called in the
transaction that reverses the hours, after the ledger is written and with the records and their volunteers locked: what it writes
stands or falls with the reversal, and an error in it lets nothing be reversed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from qunli.kernel.actor import Actor
from qunli.service_hours.models import HourEntry


class Listener(Protocol):
    """Takes back what rests on the hours of these entries, or on their sum for a person.

    `reversals`: the reversing entries just written, each with its record and its (negative) minutes. After a correction the hours
    are earned anew before the listeners are called: the kept sum of a volunteer is the one that counts from now on.
    """

    def __call__(self, *, reversals: Sequence[HourEntry], reason: str, by: Actor, now: datetime) -> object: ...


_listeners: list[Listener] = []


def on_reversal(listener: Listener) -> None:
    """Hear of every reversal: a void, whoever decided it, and a correction. Registering twice is registering once."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(*, reversals: Sequence[HourEntry], reason: str, by: Actor, now: datetime) -> None:
    """Tell all listeners, in the order in which they registered. Nothing was reversed: nobody hears."""
    if reversals:
        for listener in _listeners:
            listener(reversals=reversals, reason=reason, by=by, now=now)
