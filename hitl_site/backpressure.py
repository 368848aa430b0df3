"""Whoever makes a long answer waits for whoever reads it.

Daphne takes all it is given and keeps in memory what the reader has not taken yet: one that stops reading in the
middle of a long download costs as much memory as the whole of it. Twisted knows when a connection has enough to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from daphne.server import Server

_BODY = "http.response.body"
_handle_reply = Server.handle_reply


class Gate:
    """Closed by Twisted while there is enough to send, and opened for good once the reader has gone."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:
        """There is enough to send."""
        self._open.clear()

    def resumeProducing(self) -> None:
        """There may be more."""
        self._open.set()

    def stopProducing(self) -> None:
        """Nobody reads any more; the application is told so in its own way."""
        self._open.set()

    async def passed(self) -> None:
        """Wait until it is open."""
        await self._open.wait()


async def _in_step(self: Server, protocol: Any, message: Mapping[str, Any]) -> None:
    """As Daphne's own; but a piece of an answer that goes on is taken only as fast as it is read."""
    goes_on = message["type"] == _BODY and message.get("more_body", False)
    gate: Gate | None = getattr(protocol, "gate", None)
    if goes_on and gate is None and protocol.channel is not None:
        protocol.gate = gate = Gate()
        protocol.registerProducer(gate, True)
    elif gate is not None and not goes_on and protocol.producer is gate and protocol.channel is not None:
        protocol.unregisterProducer()
    await _handle_reply(self, protocol, message)
    if gate is not None and goes_on:
        await gate.passed()


def install() -> None:
    """Have Daphne do so in this process; harmless when repeated."""
    Server.handle_reply = _in_step
