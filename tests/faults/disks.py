"""A disk that is full, under Postgres's tables and under all of it. Skipped where nobody may mount a small one."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.hands import until
from tests.faults.lanes import Lane
from tests.faults.weather import SAYS_SO
from tests.faults.wires import VOTES

MEGABYTES = 400
FULL = "No space left on device"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A small file system with the server's files on it."""

    lane: Lane
    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for block in (bytes(1 << 20), bytes(4096)):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(block)

    def make_room(self) -> None:
        """Somebody has tidied up."""
        self._ballast.unlink(missing_ok=True)

    def refusals(self) -> int:
        """How often the server has said that there is no room."""
        return (self.lane.server.home / "postgres.log").read_text(errors="replace").count(FULL)

    def until_refused(self) -> None:
        """Wait until somebody was told so from now on."""
        before = self.refusals()
        until(lambda: self.refusals() > before, seconds=20, what="the disk's end")


@contextlib.contextmanager
def small(lane: Lane) -> Iterator[Disk]:
    """The lane's server on a small disk, for the length of a block."""
    folder = lane.stage.home / f"{lane.name}-disk"
    folder.mkdir(exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0711", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("nobody may mount a small disk here (this takes root)")
    disk = Disk(lane=lane, folder=folder)
    try:
        _move(lane, folder / "postgres", lane.server.files)
        yield disk
    finally:
        disk.make_room()
        _move_back(lane, folder / "postgres", lane.server.files)
        subprocess.run(["umount", "-l", folder], check=True)


def _move(lane: Lane, there: Path, files: Path) -> None:
    lane.server.end(signal.SIGINT)
    subprocess.run(["cp", "-a", files, there], check=True)
    shutil.rmtree(files)
    files.symlink_to(there)
    lane.server.start()
    until(lane.answers, seconds=20, what="an answer from the small disk")


def _move_back(lane: Lane, there: Path, files: Path) -> None:
    if lane.server.running.process.poll() is None:
        lane.server.end(signal.SIGINT)
    if files.is_symlink():
        files.unlink()
        subprocess.run(["cp", "-a", there, files], check=True)
    lane.server.start()


@cell("m2–m8", "no room on the disk for a word, and none for what a tool has answered", shakes=True)
def no_room(lane: Lane) -> None:
    """Nobody is told that a word is taken; what a tool came to waits with its worker until there is room."""
    first, second = lane.ask("huge"), lane.ask()
    with small(lane) as disk:
        worker = lane.worker("during_effect=stop")
        lane.approve(first)
        worker.until_stopped()
        disk.fill()
        words = random.Random(5).randbytes(1800).hex()  # long, and nothing makes it shorter
        assert lane.decide("alice", second, message=words) == 503
        assert lane.rows(VOTES, second.ticket) == []
        worker.send(signal.SIGCONT)
        disk.until_refused()
        disk.make_room()
        outcomes.once(lane, first)
        assert lane.decide("alice", second, message=words) == 302
        assert lane.decide("bob", second) == 302
        outcomes.once(lane, second)


@cell("m2", "the disk full to the last byte, until Postgres gives up", shakes=True)
def full(lane: Lane) -> None:
    """What was acknowledged is there once there is room; until then pages say so, and a worker waits."""
    asked = lane.ask()
    with small(lane) as disk:
        worker = lane.listening_worker()
        assert lane.decide("alice", asked) == 302
        disk.fill()
        _write_until_it_ends(lane)
        answer = lane.browsers["alice"].get("/")
        assert (answer.status_code, SAYS_SO in answer.text) == (503, True)
        assert lane.decide("bob", asked) == 503
        disk.make_room()
        if lane.server.running.process.poll() is not None:
            lane.server.start()  # as `up` does
        until(lane.answers, seconds=20, what="an answer once there was room again")
        assert lane.decide("bob", asked) == 302
        outcomes.once(lane, asked)
        assert worker.is_alive, worker.said()


def _write_until_it_ends(lane: Lane) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            lane.rows("SELECT pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))")
    until(lambda: not _takes_connections(lane), seconds=20, what="the end of the server")


def _takes_connections(lane: Lane) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(lane.server.address(lane.name), connect_timeout=2).close()
        return True
    return False
