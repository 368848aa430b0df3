"""Start, resume, drive: what a job or a command asks of a run, under the thread's lease.

The run's row says what is to be done; a job only says when. So every call here may come late, twice or
out of order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from agents import checkpoints, doubts, inputs, leases, recovery, registry, runs, sessions
from agents.database import in_thread
from agents.errors import AgentError, BrokenGraph, ModelRefused, UnknownGraph
from agents.models import Run, RunStatus, Wish
from agents.recovery import GONE_ON, NEW_INPUT
from agents.sessions import Session
from approvals import logs, traces
from approvals.models import Ticket

logger = logging.getLogger(__name__)
T = TypeVar("T")


async def start(*, graph: str, input: Any, thread_id: str, requester_id: int | None, model: str = "") -> Run:
    """Run a graph on new input until it pauses or ends. On a known thread of that graph, it continues it.

    Raises UnknownGraph, BrokenGraph, BadInput, BadThreadId, RunCancelled, ThreadOfAnotherGraph,
    ThreadOfAnotherPerson or LeaseHeld, and has then changed nothing.
    """
    model = model or registry.DEFAULT_MODEL
    inputs.check(registry.get(graph), input)
    await in_thread(runs.check, thread_id, graph=graph, requester_id=requester_id)
    # Before the row is made: a graph that cannot be loaded leaves no run behind.
    await sessions.load(graph, model=model)
    lease = await in_thread(runs.open, thread_id, graph=graph, value=input, requester_id=requester_id, model=model)
    async with leases.kept(lease):
        await _begin(await sessions.of(lease), input)
    return await in_thread(runs.find, thread_id)


async def resume(thread_id: str, ticket_id: int) -> None:
    """Deliver what is decided on this thread. Late, early, repeated or out of order, it does no harm.

    Raises LeaseHeld while another worker drives the thread, and UnknownGraph or BrokenGraph where this one
    cannot: the ticket stays undelivered, and the run says why.
    """
    if not await in_thread(_is_due, thread_id, ticket_id):
        logger.info("Nothing to deliver of ticket %s on %s: it is not decided, not due, or told", ticket_id, thread_id)
        return
    if await in_thread(doubts.is_about_doubt, ticket_id):
        await in_thread(doubts.settle, thread_id, ticket_id)
    else:
        await _explained(thread_id, _resume)


async def drive(thread_id: str) -> None:
    """Do what the run's row asks for: begin, go on after a dead worker, cancel, try again, repair.

    Raises LeaseHeld, UnknownGraph or BrokenGraph as `resume` does.
    """
    await _explained(thread_id, _drive)


async def _explained(thread_id: str, work: Any) -> None:
    try:
        with logs.about(thread_id=thread_id), traces.span("run", thread_id=thread_id):
            async with sessions.opened(thread_id) as session:
                await work(session)
    except (UnknownGraph, BrokenGraph, ModelRefused) as error:
        if isinstance(error, ModelRefused) and await _given_up(thread_id, error):
            return
        # Another worker may know it.
        logger.warning("Run %s waits for a worker that knows its graph: %s", thread_id, error)
        hint = " Is COUNTERSIGN_GRAPHS set where it runs?" if isinstance(error, UnknownGraph) else ""
        await in_thread(runs.explain, thread_id, why=f"{error}{hint}")
        raise


async def _given_up(thread_id: str, error: ModelRefused) -> bool:
    """A run that waits to begin fails, and whoever asked for it may ask again.

    One that people have decided on waits: their word is not lost over a key that a new worker lacks.
    """
    async with leases.held(thread_id) as lease:
        is_unbegun = lease.run.status == RunStatus.QUEUED
        if is_unbegun:
            await in_thread(runs.fail, lease, error=str(error))
    return is_unbegun


async def _resume(session: Session) -> None:
    if session.run.status != RunStatus.PAUSED:
        await _drive(session)
        return
    async with sessions.settled(session):
        await sessions.refuse_unknown(session)
        seen = await session.thread.look()
        await sessions.advance(session, seen, stale=GONE_ON)


async def _drive(session: Session) -> None:
    run = session.run
    if run.status not in {RunStatus.QUEUED, RunStatus.RUNNING}:
        logger.info("Nothing to drive on %s: the run is %s", run.thread_id, run.status)
        return
    if run.status == RunStatus.QUEUED and not run.wish:
        await _begin(session, run.input)
        return
    async with sessions.settled(session):
        await WAYS[run.wish](session)


WAYS = {
    "": recovery.recover,
    Wish.CANCEL: sessions.stop,
    Wish.RETRY: recovery.retry,
    Wish.REPAIR: recovery.repair,
}


async def _begin(session: Session, value: Any) -> None:
    seen = await session.thread.look()
    await in_thread(runs.begin, session.lease, value=value, begun_from=seen.checkpoint_id)
    session.thread.asked = value
    async with sessions.settled(session):
        seen = await sessions.begin(session, value, seen)
        await sessions.advance(session, seen, stale=NEW_INPUT)


async def survey() -> None:
    """Load every registered graph once, so that the pages know them before anybody runs one."""
    for name in await in_thread(registry.entries):
        try:
            await sessions.load(name, model="")
        except AgentError as error:
            # The page of runs names it; here it must not keep the others from being looked at.
            logger.warning("%s", error)


def start_sync(**arguments: Any) -> Run:
    """`start` for code without an event loop."""
    return run_alone(start(**arguments))


def resume_sync(thread_id: str, ticket_id: int) -> None:
    """`resume` for code without an event loop."""
    run_alone(resume(thread_id, ticket_id))


def drive_sync(thread_id: str) -> None:
    """`drive` for code without an event loop."""
    run_alone(drive(thread_id))


def _is_due(thread_id: str, ticket_id: int) -> bool:
    """Is there anything to deliver? Asked before the lease: a repeated job costs one query."""
    return Ticket.objects.undelivered().filter(pk=ticket_id, thread_id=thread_id).exists()


def run_alone(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, and leave no connection behind."""

    async def alone() -> T:
        try:
            return await work
        finally:
            await checkpoints.close()

    return asyncio.run(alone())
