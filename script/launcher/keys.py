"""The secrets of a demonstration or development machine, made once and kept in <home>/env (mode 600). The environment wins."""

import os
import secrets
import shlex
from pathlib import Path

from .places import home


def read(path: Path) -> dict[str, str]:
    """The KEY=value lines of an env file; empty when there is none."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): "".join(shlex.split(value)) for key, value in pairs}


def write(path: Path, values: dict[str, str]) -> None:
    """Replace the file in one step, readable by its owner only."""
    text = (
        "# Made by script/. Losing QUNLI_CIPHER_KEYS loses every encrypted identity number: back it up apart from the database.\n"
    )
    text += "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def ensure() -> dict[str, str]:
    """All secrets, made where missing. Call it under the home's lock: two first starts must not make two keys."""
    path = home() / "env"
    values = read(path)
    made = {
        "QUNLI_SECRET_KEY": secrets.token_urlsafe(48),
        "QUNLI_CIPHER_KEYS": f"1:{secrets.token_hex(16)}",
        "QUNLI_INDEX_KEY": secrets.token_hex(32),
        "QUNLI_DEMO_PASSWORD": "-".join(
            "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(3)
        ),
        "QUNLI_POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "QUNLI_POSTGRES_ADMIN_PASSWORD": secrets.token_urlsafe(24),
    }
    missing = {key: value for key, value in made.items() if key not in values}
    if missing:
        values |= missing
        write(path, values)
    return values
