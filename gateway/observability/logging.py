"""Logging: JSON lines on stderr, or readable lines when that is a terminal.

What is logged are facts about messages: names, numbers, counts and codes. Payloads and what stands in
documents are never logged.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars


def configure(stream: TextIO | None = None, level: str = "info") -> None:
    """Sets up logging for a command; to be called once, before the first line is logged.

    Args:
        stream: where to; stderr by default.
        level: the least important level that is shown, ``debug``, ``info``, ``warning`` or ``error``.
    """
    stream = stream or sys.stderr
    ends: list[structlog.typing.Processor]
    if stream.isatty():
        colors, plain = "NO_COLOR" not in os.environ, structlog.dev.plain_traceback
        ends = [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain),
        ]
    else:
        ends = [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=False),
        ]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, *ends],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


@contextmanager
def unit(**known: str | None) -> Iterator[None]:
    """A unit of work: its lines carry what is known of it, and what :func:`note` adds, and none after it."""
    before = get_contextvars()
    note(**known)
    try:
        yield
    finally:
        clear_contextvars()
        bind_contextvars(**before)


def note(**known: str | None) -> None:
    """What became known of the unit of work: ``message_id``, ``partner``, ``control_number``, ``job_id``."""
    bind_contextvars(**{name: value for name, value in known.items() if value})


def is_about_one() -> bool:
    """Whether the unit of work is about one message, so that what becomes known is known of all of it."""
    return "message_id" in get_contextvars()


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """A logger; what is bound to it stands on each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
