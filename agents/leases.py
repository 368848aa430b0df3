"""One worker per thread. A lease is three columns of the run; its token only grows, so it also fences.

LangGraph's saver takes no lock per thread: four workers that resume one thread run its tool four times.
Every clock here is Postgres's, because a worker's own may jump. Whoever writes through `fenced` tells the
triggers of its transaction whose token it carries; they refuse any other while somebody drives the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import BooleanField, DateTimeField, Func, Q, TextField, Value
from django.db.models.expressions import Combinable

from agents import fence, workers
from agents.database import in_thread
from agents.errors import LeaseHeld, LeaseLost, UnknownThread
from agents.models import Run, RunQuerySet
from approvals import failpoints, freezes, restores
from approvals.errors import Frozen
from approvals.failpoints import Point

logger = logging.getLogger(__name__)

TTL = timedelta(seconds=settings.COUNTERSIGN_LEASE_SECONDS)
HEARTBEAT_SECONDS = TTL.total_seconds() / 3


# A process that has looked whether the database is the one it knew is given runs by that one only: what was put in its
# place meanwhile, an older copy or a standby, may have forgotten what was done.
_TAKE = f"""
UPDATE agents_run
SET lost_by = CASE lease_owner WHEN '' THEN lost_by ELSE lost_by || to_jsonb(lease_owner) END,
    lease_token = lease_token + 1, lease_owner = %s, lease_expires_at = clock_timestamp() + make_interval(secs => %s)
WHERE thread_id = %s AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
AND NOT EXISTS (SELECT FROM approvals_freeze WHERE cleared_at IS NULL)
AND %s IN ('', {restores.LIFE})
RETURNING *
"""  # noqa: S608 - both are ours

_RELEASE = """
UPDATE agents_run SET lease_owner = CASE WHEN %s THEN lease_owner ELSE '' END, lease_expires_at = NULL
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
WHERE thread_id = %s AND lease_token = %s
"""

_current: ContextVar[Lease | None] = ContextVar("lease", default=None)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to drive one thread, until the token grows past this one."""

    thread_id: str
    token: int
    #: The run as it stood when the lease was taken.
    run: Run = field(compare=False, repr=False)

    @property
    def fence(self) -> str:
        """What a transaction of this worker carries."""
        return f"{self.token}:{self.thread_id}"


class ClockTimestamp(Func):
    """The database's clock at this moment, not at the start of the transaction."""

    function = "clock_timestamp"
    output_field = DateTimeField()


class Carry(Func):
    """Tell the triggers of this transaction whose token it carries. It is what was told."""

    function = "set_config"
    output_field = TextField()

    def __init__(self, carried: str) -> None:
        """As long as the transaction lasts: a pooled connection must not take it along."""
        super().__init__(Value(fence.SETTING), Value(carried), Value(True, output_field=BooleanField()))


def is_free() -> Q:
    """Nobody drives the run: no lease, or one that ran out."""
    return Q(lease_expires_at=None) | Q(lease_expires_at__lte=ClockTimestamp())


def take(thread_id: str, *, owner: str) -> Lease | None:
    """The lease with the next token, or None while another worker holds the thread or everything is frozen."""
    lease = _take(thread_id, owner)
    return _take(thread_id, owner) if lease is None and restores.look_again() else lease


def _take(thread_id: str, owner: str) -> Lease | None:
    taken = Run.objects.raw(_TAKE, [owner[:200], TTL.total_seconds(), thread_id, restores.looked_at()])
    return next((Lease(thread_id=thread_id, token=run.lease_token, run=run) for run in taken), None)


def taken(thread_id: str) -> Lease:
    """The lease, for this process. Raises UnknownThread, LeaseHeld or Frozen."""
    lease = take(thread_id, owner=workers.name())
    if lease is None:
        freeze = freezes.standing()
        if freeze:
            raise Frozen(reason=freeze.reason)
        known = Run.objects.filter(thread_id=thread_id).exists()
        raise LeaseHeld(thread_id=thread_id) if known else UnknownThread(thread_id=thread_id)
    return lease


def renew(lease: Lease) -> bool:
    """Hold the thread for another TTL; False when the lease is lost, even if nobody has taken it yet."""
    return bool(fenced(lease).update(lease_expires_at=_expiry()))


def release(lease: Lease, *, is_left: bool = False) -> None:
    """Let the next worker in at once. Not worth waiting for the disk: a release that is lost runs out by itself.

    `is_left`: in the middle of something. Then it stays known who may still be at it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [is_left, lease.thread_id, lease.token])


def fenced(lease: Lease) -> RunQuerySet:
    """The run, while this lease is the latest and has not run out. Every transaction of a worker begins here."""
    mine = Run.objects.filter(thread_id=lease.thread_id, lease_token=lease.token)
    return (
        mine.filter(lease_expires_at__gt=ClockTimestamp()).alias(carried=Carry(lease.fence)).filter(carried=lease.fence)
    )


def current() -> Lease | None:
    """The lease under which this task or thread of a worker runs; a tool finds it so."""
    return _current.get()


@asynccontextmanager
async def held(thread_id: str) -> AsyncIterator[Lease]:
    """Hold the thread for the length of a block. Raises what `taken` does, or LeaseLost when it slips away."""
    lease = await in_thread(taken, thread_id)
    async with kept(lease):
        yield lease


@asynccontextmanager
async def kept(lease: Lease) -> AsyncIterator[None]:
    """Keep a lease that was taken for the length of a block, then let it go. Raises LeaseLost when it slips away."""
    failpoints.reach(Point.LEASE_TAKEN)
    body = cast("asyncio.Task[object]", asyncio.current_task())
    heart = asyncio.create_task(_beat(lease, body=body))
    outer = _current.set(lease)
    is_left = True
    try:
        yield
        is_left = False
    except asyncio.CancelledError:
        if heart.done() and not heart.cancelled():
            body.uncancel()
            raise LeaseLost(thread_id=lease.thread_id) from None
        raise
    except Exception as error:
        is_left = isinstance(error, LeaseLost)
        raise
    finally:
        _current.reset(outer)
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
        await _let_go(lease, is_left=is_left)


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


async def _let_go(lease: Lease, *, is_left: bool) -> None:
    try:
        await in_thread(release, lease, is_left=is_left)
    except (DatabaseError, InterfaceError):
        logger.warning("The lease on %s runs out by itself", lease.thread_id, exc_info=True)


def _expiry() -> Combinable:
    return ClockTimestamp() + TTL
