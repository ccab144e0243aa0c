"""Where things stand, and the one kind of error that a command shows as a sentence."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


class Stop(Exception):
    """The command cannot go on; the message is one sentence that says what to do."""


def home() -> Path:
    """The directory of all data, QUNLI_HOME or var/; made when missing. Raises Stop when it cannot be made."""
    path = Path(os.environ.get("QUNLI_HOME") or ROOT / "var").expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(
            f"The data directory {path} cannot be made ({error.strerror}): set QUNLI_HOME to one that you may write."
        ) from error
    return path
