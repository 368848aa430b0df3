"""Real processes to be killed, stopped and woken, and the nursery that makes them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.daphne import ROOT

START_SECONDS = 90.0
POLL_SECONDS = 0.1
#: With leases of thirty seconds a dead worker is replaced within forty-five.
PATIENCE_SECONDS = 75.0


class NeverHappened(AssertionError):
    """What a test waited for did not come about."""


def until(is_so: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Wait for a condition and hand out what it found. Raises NeverHappened."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        if time.monotonic() > deadline:
            raise NeverHappened(f"{what} did not happen within {seconds:g} s")
        time.sleep(POLL_SECONDS)
    return found


@dataclass(kw_only=True)
class Hand:
    """One process of ours that is not our child: held by a descriptor, so its number is never somebody else's."""

    name: str
    pid: int
    log: Path
    _fd: int = field(default=-1, repr=False)

    def __post_init__(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            self._fd = os.pidfd_open(self.pid)

    @property
    def is_alive(self) -> bool:
        """Has it not ended yet?"""
        return self._fd >= 0 and not select.select([self._fd], [], [], 0)[0]

    def send(self, number: signal.Signals) -> None:
        """Nothing happens to one that has ended."""
        if self._fd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)

    def kill(self) -> None:
        """SIGKILL, and wait for the end. One that is stopped dies too."""
        self.send(signal.SIGKILL)
        self.until_ended()

    def end(self) -> None:
        """SIGTERM as `up` would, and SIGKILL for one that does not heed it."""
        self.send(signal.SIGTERM)
        with contextlib.suppress(NeverHappened):
            self.until_ended(seconds=8)
        self.kill()

    def until_ended(self, *, seconds: float = 20) -> None:
        """Wait for its end. Raises NeverHappened with what it said last."""
        if self._fd >= 0 and not select.select([self._fd], [], [], seconds)[0]:
            raise NeverHappened(f"{self.name} did not end within {seconds:g} s:\n{self.said()}")

    def until_stopped(self, *, seconds: float = 20) -> None:
        """Wait until SIGSTOP has reached it."""
        until(lambda: self._state() == "T", seconds=seconds, what=f"the stop of {self.name}")

    @property
    def code(self) -> int:
        """The exit code of one that ended by itself."""
        return int(Path(f"{self.log}.{self.pid}").read_text())

    def said(self, lines: int = 30) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text().splitlines()[-lines:]) if self.log.exists() else ""

    def _state(self) -> str:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return ""


class Nursery:
    """The process that forks all others off."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._turn = threading.Lock()
        self._ours: list[Hand] = []
        ours = ("DATABASE_URL", "COUNTERSIGN_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        with (home / "nursery.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.nursery"],
                cwd=ROOT,
                env={**kept, "LANGGRAPH_STRICT_MSGPACK": "true", **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Importing takes seconds; other things can be done meanwhile."""
        self._read(seconds=START_SECONDS)

    def start(
        self,
        commands: Sequence[Sequence[str]],
        *,
        name: str,
        database: dict[str, str],
        data_dir: Path,
        orders: str = "",
        **environment: str,
    ) -> Hand:
        """Fork a process that runs these commands, with failpoints armed by `orders`."""
        log, reached = self.home / f"{name}.log", self.home / f"{name}.reached"
        order = {
            "commands": [list(words) for words in commands],
            "database": database,
            "data_dir": str(data_dir),
            "environment": {**environment, "COUNTERSIGN_FAILPOINTS_LOG": str(reached)},
            "orders": orders,
            "log": str(log),
            "reached": str(reached),
        }
        with self._turn:
            assert self._process.stdin
            self._process.stdin.write(f"{json.dumps(order)}\n".encode())
            self._process.stdin.flush()
            hand = Hand(name=name, pid=int(self._read(seconds=20)["pid"]), log=log)
        self._ours.append(hand)
        return hand

    def close(self) -> None:
        """End what it made, then itself."""
        for hand in self._ours:
            hand.send(signal.SIGKILL)
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def _read(self, *, seconds: float) -> dict[str, Any]:
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise NeverHappened(f"the nursery is silent: {(self.home / 'nursery.log').read_text()}")
        line = self._process.stdout.readline()
        if not line:
            raise NeverHappened(f"the nursery ended: {(self.home / 'nursery.log').read_text()}")
        return dict(json.loads(line))


@contextlib.contextmanager
def ended_afterwards(*hands: Hand) -> Iterator[None]:
    """Whatever happens in the block, these processes do not outlive it."""
    try:
        yield
    finally:
        for hand in hands:
            hand.kill()
