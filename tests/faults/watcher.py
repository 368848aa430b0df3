"""An open page: a socket that is opened again whenever it ends, as the browser does it, and what came over it."""

from __future__ import annotations

import threading
from types import TracebackType

import httpx
import websockets.exceptions
from websockets.sync.client import connect

from tests.faults.hands import until

#: Between two attempts, as in `live.js`.
PAUSE_SECONDS = 0.5
#: What the processes of the matrix take for their address, wherever they listen.
PUBLIC_URL = "http://127.0.0.1:8000"


class Watcher:
    """One person's page, for the length of a block."""

    def __init__(self, port: int, cookies: httpx.Cookies) -> None:
        self._address = f"ws://127.0.0.1:{port}/ws/inbox/"
        said = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._headers = {"Cookie": said, "Origin": PUBLIC_URL}
        self._heard: list[str] = []
        self._opened = threading.Event()
        #: Does the page call itself live? It has heard something over a socket that is open.
        self.is_live = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        assert self._opened.wait(20), "no socket was opened"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(10)

    def until_told(self, ticket: int, *, seconds: float = 20) -> None:
        """Wait until something about this ticket has come."""
        until(lambda: any(f"ticket-{ticket}-" in word for word in self._heard), seconds=seconds, what="the live page")

    def _watch(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            try:
                self._listen()
            except (OSError, TimeoutError, websockets.exceptions.WebSocketException):
                continue
            finally:
                self.is_live = False

    def _listen(self) -> None:
        with connect(self._address, additional_headers=self._headers, open_timeout=10) as socket:
            self._opened.set()
            while not self._over.is_set():
                try:
                    self._heard.append(str(socket.recv(timeout=0.5)))
                    self.is_live = True
                except TimeoutError:
                    continue
