"""A thousand sockets in one loop, cheap enough not to be what is measured."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from urllib.parse import urlsplit

FLOOR_CHANNEL = "countersign_floor"


class Socket(asyncio.Protocol):
    """The receiving half of a WebSocket: it notes when a text with the wanted words arrived."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self.crowd = crowd
        self.request = request
        self.received = b""
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Look for the wanted words; frames need no parsing for that, the words are in one piece."""
        self.received += data
        if not self.ready.done() and b"\r\n\r\n" in self.received:
            self.ready.set_result(self.received.split(b"\r\n", 1)[0])
        if self.crowd.wanted in self.received:
            self.crowd.arrived.append(time.perf_counter())
            if len(self.crowd.arrived) == len(self.crowd.sockets):
                self.crowd.all_arrived.set()
            self.received = b""

    def connection_lost(self, error: Exception | None) -> None:
        """A lost socket would only show as a delivery that never comes."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("refused"))


class Crowd:
    """All sockets of one server."""

    def __init__(self, address: str, path: str) -> None:
        self.address = address
        self.path = path
        self.sockets: list[Socket] = []
        self.expect("\0")

    def expect(self, words: str) -> None:
        """From now on, note when each socket receives these words."""
        self.wanted = words.encode()
        self.arrived: list[float] = []
        self.all_arrived = asyncio.Event()
        for socket in self.sockets:
            socket.received = b""

    async def grow_to(self, size: int, cookies: list[str]) -> None:
        """Connect until there are `size` sockets, 32 at once."""
        while len(self.sockets) < size:
            count = min(32, size - len(self.sockets))
            first = len(self.sockets)
            await asyncio.gather(*(self._connect(cookies[(first + n) % len(cookies)]) for n in range(count)))

    async def last_arrival(self, within: float = 20.0) -> float:
        """When the last of all sockets had it."""
        async with asyncio.timeout(within):
            await self.all_arrived.wait()
        return max(self.arrived)

    async def _connect(self, cookie: str) -> None:
        place = urlsplit(self.address)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {self.path} HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {self.address}\r\nCookie: {cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        )
        socket = Socket(self, request.encode())
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: socket, place.hostname, place.port)
        status = await socket.ready
        if b" 101 " not in status:
            raise ConnectionError(status.decode())
        self.sockets.append(socket)
