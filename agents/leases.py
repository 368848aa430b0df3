"""One worker per thread. A lease is three columns of the run; its token only grows, so it also fences.

LangGraph's saver takes no lock per thread: four workers that resume one thread run its tool four times.
Every clock here is Postgres's, because a worker's own may jump.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import DateTimeField, Func, Q
from django.db.models.expressions import Combinable

from agents.database import in_thread
from agents.errors import LeaseHeld, LeaseLost, UnknownThread
from agents.models import Run, RunQuerySet

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
TTL = timedelta(seconds=30)


_TAKE = """
UPDATE agents_run
SET lease_token = lease_token + 1, lease_owner = %s, lease_expires_at = clock_timestamp() + make_interval(secs => %s)
WHERE thread_id = %s AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
RETURNING *
"""

_RELEASE = """
UPDATE agents_run SET lease_owner = '', lease_expires_at = NULL
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
WHERE thread_id = %s AND lease_token = %s
"""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to drive one thread, until the token grows past this one."""

    thread_id: str
    token: int
    #: The run as it stood when the lease was taken.
    run: Run = field(compare=False, repr=False)


class ClockTimestamp(Func):
    """The database's clock at this moment, not at the start of the transaction."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def owner() -> str:
    """Who drives a run, for people who look: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_free() -> Q:
    """Nobody drives the run: no lease, or one that ran out."""
    return Q(lease_expires_at=None) | Q(lease_expires_at__lte=ClockTimestamp())


def take(thread_id: str, *, owner: str) -> Lease | None:
    """The lease with the next token, or None while another worker holds the thread. One conditional UPDATE."""
    taken = Run.objects.raw(_TAKE, [owner[:200], TTL.total_seconds(), thread_id])
    return next((Lease(thread_id=thread_id, token=run.lease_token, run=run) for run in taken), None)


def renew(lease: Lease) -> bool:
    """Hold the thread for another TTL; False when the lease is lost, even if nobody has taken it yet."""
    mine = fenced(lease).filter(lease_expires_at__gt=ClockTimestamp())
    return bool(mine.update(lease_expires_at=_expiry()))


def release(lease: Lease) -> None:
    """Let the next worker in at once. Not worth waiting for the disk: a release that is lost runs out by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [lease.thread_id, lease.token])


def fenced(lease: Lease) -> RunQuerySet:
    """The run, if this lease is still the latest. Every write of a worker goes through here."""
    return Run.objects.filter(thread_id=lease.thread_id, lease_token=lease.token)


@asynccontextmanager
async def held(thread_id: str) -> AsyncIterator[Lease]:
    """Hold the thread for the length of a block. Raises UnknownThread or LeaseHeld, or LeaseLost when it slips away."""
    lease = await in_thread(take, thread_id, owner=owner())
    if lease is None:
        known = await in_thread(Run.objects.filter(thread_id=thread_id).exists)
        raise LeaseHeld(thread_id=thread_id) if known else UnknownThread(thread_id=thread_id)
    body = cast("asyncio.Task[object]", asyncio.current_task())
    heart = asyncio.create_task(_beat(lease, body=body))
    try:
        yield lease
    except asyncio.CancelledError:
        if heart.done() and not heart.cancelled():
            body.uncancel()
            raise LeaseLost(thread_id=thread_id) from None
        raise
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
        await _let_go(lease)


async def _beat(lease: Lease, *, body: asyncio.Task[object]) -> None:
    """Renew until told to stop. On loss, stop the work: it may already be going on elsewhere."""
    deadline = asyncio.get_running_loop().time() + TTL.total_seconds()
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        now = asyncio.get_running_loop().time()
        try:
            kept = await in_thread(renew, lease)
        except (DatabaseError, InterfaceError):
            # The database may come back within the lease; past it, someone else may have the thread.
            logger.warning("The lease on %s could not be renewed", lease.thread_id, exc_info=True)
            kept = now < deadline
        else:
            deadline = now + TTL.total_seconds()
        if not kept:
            body.cancel()
            return


async def _let_go(lease: Lease) -> None:
    try:
        await in_thread(release, lease)
    except (DatabaseError, InterfaceError):
        logger.warning("The lease on %s runs out by itself", lease.thread_id, exc_info=True)


def _expiry() -> Combinable:
    return ClockTimestamp() + TTL
