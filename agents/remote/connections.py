"""Where Countersign is, and who asks."""

from __future__ import annotations

import os
import re
from typing import Any, TypeVar

import httpx

from . import driving
from .errors import Unusable
from .steps import Steps

T = TypeVar("T")

#: How long the server may be away before a call gives up.
PATIENCE = 600.0
#: What a header takes; a token that was read with the end of its line has more.
TOKEN = re.compile(r"[!-~]*")


class Connection:
    """An address and a token. Connects anew for each piece of work, so it fits any thread and any loop."""

    def __init__(self, base_url: str = "", token: str = "", *, patience: float = PATIENCE) -> None:
        """Left out: COUNTERSIGN_URL and COUNTERSIGN_TOKEN. `patience`: how many seconds the server may be away.

        Raises Unusable.
        """
        self.base_url = _address(base_url or os.environ.get("COUNTERSIGN_URL", "http://127.0.0.1:8000"))
        self.token = _token(token or os.environ.get("COUNTERSIGN_TOKEN", ""))
        self.patience = patience

    def run(self, steps: Steps[T]) -> T:
        """Do these steps in this thread."""
        with httpx.Client(**self._options()) as http:
            return driving.run(steps, http)

    async def run_async(self, steps: Steps[T]) -> T:
        """Do these steps in this task."""
        async with httpx.AsyncClient(**self._options()) as http:
            return await driving.run_async(steps, http)

    def _options(self) -> dict[str, Any]:
        return driving.options(self.base_url, self.token)


def _address(told: str) -> str:
    try:
        url = httpx.URL(told)
        is_usable = url.scheme in {"http", "https"} and bool(url.host)
    except httpx.InvalidURL:
        is_usable = False
    if not is_usable:
        raise Unusable("The address of Countersign begins with https:// or http:// and names a host.")
    return told


def _token(told: str) -> str:
    if not TOKEN.fullmatch(told):
        raise Unusable("The token of Countersign is one word of ASCII, without spaces or ends of lines.")
    return told
