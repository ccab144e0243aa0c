"""Logs as data: one JSON object a line on standard output, with the request's id; no personal data by habit of the callers."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

ROW = re.compile(r"\nDETAIL:[^\n]*")
"""What PostgreSQL adds to a broken constraint: the row itself, with the name and birth date in it."""


def without_rows(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tracebacks keep the name of the constraint and lose the row."""
    if "exception" in event:
        event["exception"] = ROW.sub("\nDETAIL: (left out)", event["exception"])
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    without_rows,
]


def configuration(*, level: str, plain: bool) -> dict[str, Any]:
    """The LOGGING setting. `plain` writes lines for a person in place of JSON."""
    renderer = structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.processors.JSONRenderer(ensure_ascii=False)
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        "foreign_pre_chain": SHARED,
    }
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": formatter},
        "handlers": {"standard": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["standard"], "level": level},
        "loggers": {
            "django": {"level": level, "handlers": ["standard"], "propagate": False},
            # Libraries that write a line for every small thing.
            **{
                name: {"level": max(logging.WARNING, logging.getLevelName(level))}
                for name in ("procrastinate", "fontTools", "axes", "httpx")
            },
        },
    }
