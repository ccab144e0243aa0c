"""Codes that change every few seconds: time-based one-time passwords (RFC 6238) with HMAC-SM3 as the hash."""

import hmac
from datetime import datetime

from qunli.kernel.ciphers import hmac_sm3

DIGITS = 6


def rotating_code(seed: bytes, at: datetime, step: int = 30) -> str:
    """Six digits that are valid in the window of `step` seconds around `at`."""
    return _code(seed, int(at.timestamp()) // step)


def seconds_left(at: datetime, step: int = 30) -> int:
    """Seconds until the code of `at` changes."""
    return step - int(at.timestamp()) % step


def matches(seed: bytes, code: str, at: datetime, *, step: int = 30, drift: int = 1) -> bool:
    """Whether `code` is that of `at` or of the `drift` windows before it (somebody reads, walks, types). Never of the future."""
    window = int(at.timestamp()) // step
    given = code.strip().encode()
    return any(hmac.compare_digest(_code(seed, window - back).encode(), given) for back in range(drift + 1))


def _code(seed: bytes, window: int) -> str:
    mac = hmac_sm3(seed, window.to_bytes(8, "big"))
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"
