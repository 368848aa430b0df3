"""Whether a token lives: Countersign is asked, each time anew, and nothing of its answer is kept."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping
from typing import Any

import httpx

from . import driving
from .connections import TOKEN

#: Countersign says so within this, or counts as away.
ANSWER_SECONDS = 5.0


class State(enum.Enum):
    """What is known of a token."""

    LIVES = enum.auto()
    DEAD = enum.auto()
    #: Countersign did not say.
    AWAY = enum.auto()


def bearer(headers: Mapping[str, str]) -> str:
    """The token in these headers, or nothing."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def state_of(token: str, *, base_url: str, verify: Any = True) -> State:
    """Ask Countersign about this token. What no header can carry is none."""
    if not (token and TOKEN.fullmatch(token)):
        return State.DEAD
    told = driving.options(base_url, token) | {"timeout": ANSWER_SECONDS, "verify": verify}
    try:
        async with asyncio.timeout(ANSWER_SECONDS), httpx.AsyncClient(**told) as http:
            status = (await http.get("token")).status_code
    except (httpx.TransportError, TimeoutError):
        return State.AWAY
    return {200: State.LIVES, 401: State.DEAD}.get(status, State.AWAY)
