"""A wire between a process and Postgres that can be cut after a commit has been done and before anybody hears of it."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

COMMIT = b"COMMIT"
_NAME = ".s.PGSQL.5432"


@dataclass
class Wire:
    """Listens in a folder of its own, as a server's host does, and passes everything on until it is to cut.

    Armed, it waits for a transaction in which the client said `marker`, passes its COMMIT on, waits for the
    server's answer, and hangs up on both without passing that on. A statement that is a transaction by itself says
    no COMMIT: there `answer` is what the server says when it is done.
    """

    folder: Path
    behind: Path
    cuts: int = 0
    marker: bytes = b""
    done: bytes = COMMIT
    is_for_good: bool = False
    _lines: list[_Line] = field(default_factory=list, repr=False)
    _listener: socket.socket = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / _NAME))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, marker: bytes, *, answer: bytes = COMMIT, is_for_good: bool = False) -> None:
        """Cut once: at the commit of the next transaction in which these words are said. `is_for_good`: every
        connection, and there is none after it."""
        self.marker, self.done, self.is_for_good = marker, answer, is_for_good

    def cut(self) -> None:
        """Somebody has been cut off."""
        self.cuts += 1
        if self.is_for_good:
            self.close()
            for line in self._lines:
                line.hang_up()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                if server.connect_ex(str(self.behind / _NAME)):  # nobody is there just now
                    client.close()
                    server.close()
                    continue
                line = _Line(wire=self, client=client, server=server)
                self._lines.append(line)
                for work in (line.ask, line.answer):
                    threading.Thread(target=work, daemon=True).start()


@dataclass
class _Line:
    """One connection."""

    wire: Wire
    client: socket.socket
    server: socket.socket
    #: The marker was said in the transaction under way; its commit is on its way.
    is_marked: bool = False
    is_doomed: bool = False

    def ask(self) -> None:
        """From the client to the server."""
        with contextlib.suppress(OSError):
            while said := self.client.recv(65536):
                self._notice(said)
                self.server.sendall(said)
        self.hang_up()

    def answer(self) -> None:
        """From the server to the client."""
        with contextlib.suppress(OSError):
            while said := self.server.recv(65536):
                if self.is_doomed and self.wire.done + b"\x00" in said:
                    self.wire.cut()
                    break
                self.client.sendall(said)
        self.hang_up()

    def _notice(self, said: bytes) -> None:
        marker = self.wire.marker
        if marker and marker in said:
            self.is_marked = True
        if self.is_marked and (COMMIT in said or self.wire.done != COMMIT):
            self.wire.marker, self.is_doomed = b"", True
        elif b"ROLLBACK" in said:
            self.is_marked = False

    def hang_up(self) -> None:
        """On both ends."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
