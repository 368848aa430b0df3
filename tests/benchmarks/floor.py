"""The least a push can cost on this machine: LISTEN, then the same bytes to every socket, undrawn."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import psycopg

from tests.benchmarks.sockets import FLOOR_CHANNEL

_sends: set[Any] = set()
_listener: asyncio.Task[None] | None = None


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A bare ASGI application without Django."""
    global _listener
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    _listener = _listener or asyncio.create_task(_listen())
    _sends.add(send)
    try:
        while (await receive())["type"] != "websocket.disconnect":
            pass
    finally:
        _sends.discard(send)


async def _listen() -> None:
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        await connection.execute(f"LISTEN {FLOOR_CHANNEL}")
        async for notice in connection.notifies():
            for send in list(_sends):
                await send({"type": "websocket.send", "text": notice.payload})
