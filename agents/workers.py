"""Which processes drive runs, and the proof that one of them is dead.

Whoever wants to run again what may have been half done must know that its first worker can do nothing any
more. A lease that ran out proves nothing of that kind: a process that was stopped may wake. So each
process that drives runs has a row, a session lock that Postgres drops with its connection, and a thread
that gives signs of life. On its own machine the kernel is asked, which knows for certain.
"""

from __future__ import annotations

import functools
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from agents.models import Worker
from approvals import restores
from approvals.live.hub import listen_params

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
#: Silent for this long and without its session, a process elsewhere is taken for dead.
SILENT_SECONDS = 60.0
#: The first half of the session lock's key; the second is the row's.
LOCK = 0x434F554E
#: Rows of processes that ended; who looks into an old case may still need to know.
KEPT_DAYS = 90

#: One for each thread that is in a tool's code.
_acting: set[object] = set()

_ENROL = """
INSERT INTO agents_worker (name, kind, host, pid, machine, born) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, ended_at = NULL RETURNING id
"""
_FORGET = "DELETE FROM agents_worker WHERE ended_at < now() - make_interval(days => %s)"
_HOLD = "SELECT pg_advisory_lock_shared(%s, %s)"
_BEAT = "UPDATE agents_worker SET seen_at = clock_timestamp() WHERE id = %s"
_END = "UPDATE agents_worker SET seen_at = clock_timestamp(), ended_at = clock_timestamp() WHERE id = %s"
_IS_SILENT = """
SELECT seen_at < clock_timestamp() - make_interval(secs => %s) AND NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = agents_worker.id AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) FROM agents_worker WHERE id = %s
"""


def name() -> str:
    """Who this process is, for people and for leases: host, process, and a mark of its own."""
    return _name(os.getpid())


def is_dead(owner: str) -> bool:
    """Is it proven that this process does nothing any more? False where nothing is known of it."""
    worker = Worker.objects.filter(name=owner).first()
    if worker is None:
        return False
    if worker.machine and worker.machine == _machine():
        return not _runs(worker.pid, born=worker.born)  # whatever it said: one that said goodbye may hang in a tool
    if worker.ended_at is not None:
        return True
    with connection.cursor() as cursor:
        cursor.execute(_IS_SILENT, [SILENT_SECONDS, LOCK, worker.pk])
        return bool(cursor.fetchone()[0])


@contextmanager
def enrolled(kind: str) -> Iterator[None]:
    """Be known as a process that drives runs, for the length of a block."""
    enrolment = Enrolment(kind)
    enrolment.start()
    try:
        yield
    finally:
        enrolment.stop()


@contextmanager
def acting() -> Iterator[None]:
    """This thread is in code that may act on the world; until it is out the process is not done."""
    mine = object()
    _acting.add(mine)
    try:
        yield
    finally:
        _acting.discard(mine)


class Enrolment:
    """The row, the lock and the signs of life of this process.

    In a thread and on a connection of its own: neither a busy event loop nor a full pool makes it look dead.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="enrolment", daemon=True)
        self._session: psycopg.Connection[Any] | None = None

    def start(self) -> None:
        """Enrol, and look whether the database is the one we knew. Raises OperationalError where there is none."""
        self._session = self._open()
        restores.look()
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye; without a database the silence says it.

        Not while a thread is still in a tool's code: the signs of life then go on for as long as the process does.
        """
        if _acting:
            logger.warning("No goodbye is said: a tool that was given up is still at work in this process")
            return
        self._over.set()
        self._thread.join()
        with suppress(psycopg.Error):
            self._say(_END)
        if self._session is not None:
            self._session.close()

    def _live(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                self._say(_BEAT)
            except psycopg.Error:
                logger.warning("No sign of life could be given; the next one may", exc_info=True)
                self._session = None

    def _say(self, what: str) -> None:
        if self._session is None or self._session.closed:
            self._session = self._open()
        self._session.execute(what, [self.id])

    def _open(self) -> psycopg.Connection[Any]:
        session = psycopg.connect(**listen_params(), autocommit=True)
        pid, host = os.getpid(), socket.gethostname()
        row = session.execute(_ENROL, [name(), self.kind, host[:120], pid, _machine(), _born(pid) or 0]).fetchone()
        self.id = row[0] if row else 0
        # Shared: the server may not have noticed yet that the connection before this one is gone.
        session.execute(_HOLD, [LOCK, self.id])
        session.execute(_FORGET, [KEPT_DAYS])
        return session


@functools.cache
def _name(pid: int) -> str:
    return f"{socket.gethostname()[:120]}:{pid}:{secrets.token_hex(4)}"


@functools.cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _runs(pid: int, *, born: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # What may not be looked at is somebody's, and alive.
    return _born(pid) in {born, None}


def _born(pid: int) -> int | None:
    """When the kernel began this process; 0 for one that only waits to be buried, None where it does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return 0 if fields[0] in "ZX" else int(fields[19])
