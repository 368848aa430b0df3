"""Lines of the log: which run and which ticket they are about, nothing that looks like a secret, nothing forged.

What a line tells may come from an agent or from whoever sent a request: a line break in it would be another line.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from django.conf import settings

from approvals import redaction

_about: ContextVar[Mapping[str, Any]] = ContextVar("countersign_about", default=MappingProxyType({}))


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """What is logged inside is about these, beside what it is about already: `thread_id=…, ticket_id=…`."""
    before = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(before)


def add(**ids: Any) -> None:
    """The same until the `about` around this ends."""
    _about.set({**_about.get(), **ids})


def known() -> dict[str, str]:
    """What is being worked on, under the names that traces use."""
    return {f"countersign.{name}": str(value) for name, value in _about.get().items()}


class PlainRefusals(logging.Filter):
    """That somebody may not see a page is no fault of the program: it is told, and not where in the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every line pass."""
        if getattr(record, "status_code", None) == 403:
            record.exc_info = None
        return True


class Lines(logging.Formatter):
    """For people: the time, how bad it is, who says it, what it is about.

    A traceback keeps its lines, each set in: what was raised may hold somebody's words, and only a line of the log
    begins at the margin.
    """

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        record.message = _said(record.message)
        ids = " ".join(f"{name}={_said(str(value))}" for name, value in _about.get().items())
        return f"{super().formatMessage(record)} [{ids}]" if ids else super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        """Without what looks like a secret."""
        return _set_in(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """The same."""
        return _set_in(super().formatStack(stack_info))


class JSONLines(logging.Formatter):
    """For programs: one JSON object a line, in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """`at`, `level`, `logger`, `message`, what it is about, and `exception` where there is one."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _without_secrets(record.getMessage()),
            "process": record.process,
            **_about.get(),
        }
        if record.exc_info:
            line["exception"] = _without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True, default=str)


def _said(words: str) -> str:
    return _visible(_without_secrets(words))


def _set_in(trace: str) -> str:
    return "\n".join(f"    {_visible(line)}" for line in _without_secrets(trace).split("\n"))


def _without_secrets(words: str) -> str:
    return redaction.text(words, also=settings.COUNTERSIGN_SECRET_FIELDS)


def _visible(words: str) -> str:
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in words)
