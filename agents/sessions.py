"""A worker and one run: the thread under its lease, and what every way of driving it shares.

What happened is read from the checkpointer, never guessed from exceptions or return values: only
`get_state` tells a pause from an end.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from langgraph.pregel import Pregel

from agents import checkpoints, deliveries, drawings, evidence, executions, leases, registry, runs, transcripts
from agents.checkpoints import Stopped
from agents.database import in_thread, is_away
from agents.deliveries import Delivery, Standing
from agents.errors import AgentError, BrokenGraph, DatabaseAway, LeaseLost, NotRun
from agents.leases import Lease
from agents.ledger import PutOff
from agents.models import Run
from agents.snapshots import Seen
from agents.threads import GraphRaised, Thread
from approvals.errors import ApprovalError
from approvals.models import Ticket

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

COULD_NOT = "The run could not go on: {why}"


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run, its thread and the lease that lets this worker drive it."""

    run: Run
    thread: Thread
    lease: Lease


@asynccontextmanager
async def opened(thread_id: str) -> AsyncIterator[Session]:
    """The thread under its lease, with the graph loaded; the run as it stood when the lease was taken."""
    async with leases.held(thread_id) as lease:
        yield await of(lease)


async def of(lease: Lease) -> Session:
    """The thread of a lease that its caller keeps, with the graph loaded."""
    run = lease.run
    entry = registry.get(run.graph)
    graph = await load(run.graph, model=run.model, lease=lease)
    facts: dict[str, Any] = {"entry": entry, "tools": registry.tools(entry), "token": lease.token}
    thread = Thread(graph, thread_id=run.thread_id, model=run.model, asked=run.input, **facts)
    return Session(run=run, thread=thread, lease=lease)


async def write(session: Session, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what writes about the run's tickets under the run's lock and fence. Raises LeaseLost."""
    return await in_thread(runs.under, session.lease, function, *args, **kwargs)


async def load(name: str, *, model: str, lease: Lease | None = None) -> Pregel[Any, Any, Any, Any]:
    """The graph on a saver of its own. What it looks like, or why it is broken, is kept for the pages."""
    try:
        graph = await registry.load(name, checkpointer=await checkpoints.saver(lease), model=model)
    except BrokenGraph as error:
        await in_thread(drawings.keep_broken, name, error)
        raise
    await drawings.keep(name, graph)
    return graph


@asynccontextmanager
async def settled(session: Session) -> AsyncIterator[None]:
    """Whatever the graph does wrong ends as a failed run that says why. A lost lease or database does not."""
    try:
        yield
    except LeaseLost:
        raise
    except Stopped:
        await stop(session)
    except GraphRaised as raised:
        cause = raised.__cause__ or raised
        if _is_put_off(cause) and not await write(session, runs.doubt, session.run.thread_id):
            # Nothing dangerous was under way: the run stays as it is, and whoever sweeps takes it up again.
            if isinstance(cause, PutOff):
                raise cause from cause.__cause__
            raise DatabaseAway(thread_id=session.run.thread_id) from cause
        logger.info("Run %s failed", session.run.thread_id, exc_info=cause)
        await _fail(session, evidence.sentence(cause))
    except (AgentError, ApprovalError) as error:
        await _fail(session, str(error))
    except Exception as error:
        if is_away(error):
            raise
        # A stranger's value that nobody thought of: without this, every worker would raise on it for ever.
        logger.exception("Run %s could not go on", session.run.thread_id)
        await write(session, runs.doubt, session.run.thread_id, error=evidence.sentence(error))
        await _fail(session, COULD_NOT.format(why=evidence.sentence(error)))


async def advance(session: Session, seen: Seen, *, stale: str = "", done: Delivery | None = None) -> None:
    """Deliver what is decided, one answer after the other, until people are needed or the end."""
    while True:
        standing = standing_of(session, seen, stale=stale, done=done)
        delivery = await in_thread(deliveries.settle, session.lease, standing)
        if delivery is None:
            at = ", ".join(seen.places) or "its end"
            logger.debug("Nothing more to deliver on %s: the graph stands at %s", session.run.thread_id, at)
            return
        seen, done, stale = await answer(session, delivery), delivery, ""


async def answer(session: Session, delivery: Delivery) -> Seen:
    """Hand over one answer. Where an edit leads elsewhere nothing runs, and what waits then is asked about."""
    try:
        return await step(session, session.thread.answer(delivery.pause, delivery.value), acting=delivery.tickets)
    except NotRun as error:
        await write(session, executions.record_not_run, delivery.tickets, reason=str(error))
        return await session.thread.look()


async def begin(session: Session, value: Any, seen: Seen) -> Seen:
    """Give the graph new input; the model hears of every call it replaces what is known of it."""
    tried = await in_thread(executions.tried, session.run.thread_id) if seen.checkpoint_id else {}
    return await step(session, session.thread.begin(value, seen, tried=tried))


async def step(session: Session, work: Awaitable[None], *, acting: Sequence[Ticket] = ()) -> Seen:
    """Let the graph run. What one that raises leaves behind is written down before it ends the run."""
    try:
        await work
    except GraphRaised as raised:
        if isinstance(raised.__cause__, PutOff):
            raise
        seen = await session.thread.look()
        await write(session, executions.record_raised, acting, seen, error=raised.__cause__ or raised)
        raise
    return await session.thread.look()


async def stop(session: Session) -> None:
    """End a run that somebody cancelled."""
    seen = await session.thread.look()
    await in_thread(deliveries.stop, session.lease, standing_of(session, seen))


def standing_of(session: Session, seen: Seen, *, stale: str = "", done: Delivery | None = None) -> Standing:
    """Where the thread stands, for the tables."""
    transcript = transcripts.of(seen.values, asked=session.thread.asked)
    return Standing(seen=seen, transcript=transcript, stale=stale, done=done)


async def refuse_in_doubt(session: Session) -> None:
    """Raise AgentError where an action may have happened: LangGraph would replay its answer now."""
    doubt = await write(session, runs.doubt, session.run.thread_id)
    if doubt:
        raise AgentError(doubt)


async def refuse_unknown(session: Session) -> None:
    """As `refuse_in_doubt` on a paused run: what is started there waits for its task's next answer."""
    unknown = await in_thread(runs.in_doubt, session.run.thread_id)
    if unknown is not None:
        raise unknown


def _is_put_off(cause: BaseException) -> bool:
    return is_away(cause) or isinstance(cause, PutOff)


async def _fail(session: Session, error: str) -> None:
    try:
        seen = await session.thread.look()
        facts = {"transcript": transcripts.of(seen.values, asked=session.thread.asked)}
    except Exception as unreadable:
        if is_away(unreadable):
            raise
        logger.exception("The state of run %s cannot be read", session.run.thread_id)
        facts = {}
    await in_thread(runs.fail, session.lease, error=error, **facts)
