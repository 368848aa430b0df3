"""How the one who acts has shown who they are. Pure.

Set once, where a request or a command comes in; every entry written meanwhile says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Nobody signed in: a worker, a clock, a command on the server.
SYSTEM = "system"
TOKEN = "token"  # noqa: S105 - a word, not a secret

_asked: ContextVar[Callable[[], str]] = ContextVar("countersign_method")


@contextmanager
def through(method: str | Callable[[], str]) -> Iterator[None]:
    """Who acts in this block came in this way; a function is asked only when an entry is written."""
    token = _asked.set(method if callable(method) else lambda: method)
    try:
        yield
    finally:
        _asked.reset(token)


def method() -> str:
    """`password`, `password+totp`, `passkey`, `oidc`, `token` …; `system` where nobody signed in."""
    asked = _asked.get(None)
    return (asked() if asked else "") or SYSTEM
