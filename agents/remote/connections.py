"""Where Countersign is, and who asks."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import httpx

from . import driving
from .steps import Steps

T = TypeVar("T")

#: How long the server may be away before a call gives up.
PATIENCE = 600.0


class Connection:
    """An address and a token. Connects anew for each piece of work, so it fits any thread and any loop."""

    def __init__(self, base_url: str = "", token: str = "", *, patience: float = PATIENCE) -> None:
        """Left out: COUNTERSIGN_URL and COUNTERSIGN_TOKEN. `patience`: how many seconds the server may be away."""
        self.base_url = base_url or os.environ.get("COUNTERSIGN_URL", "http://127.0.0.1:8000")
        self.token = token or os.environ.get("COUNTERSIGN_TOKEN", "")
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
