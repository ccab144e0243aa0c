"""Who may see a file: its owner, and whom the room of its subject lets see it. Nobody else, whoever holds the address."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.files.models import Attachment

Viewer = Callable[[Actor, str], bool]
_viewers: dict[str, Viewer] = {}


def viewers_of(kind: str) -> Callable[[Viewer], Viewer]:
    """A room above says who may see files of its subjects: `@viewers_of("claim")` on a function of (actor, subject).

    Import the module that holds it in the room's `AppConfig.ready`.
    """

    def keep(function: Viewer) -> Viewer:
        _viewers[kind] = function
        return function

    return keep


def may_see(actor: Actor, attachment: "Attachment") -> bool:
    """The owner; and whoever the room of the subject's kind says. Denied when no room has said anything."""
    if actor.person_id is not None and attachment.owner_id == actor.person_id:
        return True
    viewer = _viewers.get(attachment.subject.partition(":")[0])
    return viewer is not None and viewer(actor, attachment.subject)
