"""Start and resume: drive a thread until people are needed or it is finished.

All of it happens under the thread's lease, and what happened is read from the checkpointer, never
guessed from exceptions or return values: only `get_state` tells a pause from an end.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from langgraph.pregel import Pregel

from agents import checkpoints, deliveries, drawings, leases, registry, runs, transcripts
from agents.database import in_thread
from agents.deliveries import Delivery
from agents.errors import AgentError, BadInput, BrokenGraph, LeaseLost, UnknownGraph
from agents.leases import Lease
from agents.models import Run, RunStatus
from agents.threads import GraphRaised, Seen, Thread
from approvals.errors import ApprovalError
from approvals.models import Ticket

logger = logging.getLogger(__name__)
T = TypeVar("T")

GONE_ON = "The graph no longer waits for this; it has gone on since."
STOPPED = "The worker that drove this run stopped in the middle of a step."
NEW_INPUT = "A new message replaced the question."


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run, its thread and the lease that lets this worker drive it."""

    run: Run
    thread: Thread
    lease: Lease


async def start(*, graph: str, input: Any, thread_id: str, requester_id: int | None, model: str = "") -> Run:
    """Run a graph on new input until it pauses or ends. On a known thread of that graph, it continues it.

    Raises UnknownGraph, BrokenGraph, BadInput, BadThreadId, ThreadOfAnotherGraph, ThreadOfAnotherPerson or
    LeaseHeld, and has
    then changed nothing.
    """
    model = model or registry.DEFAULT_MODEL
    check_input(registry.get(graph), input)
    await in_thread(runs.check, thread_id, graph=graph, requester_id=requester_id)
    # Before the row is made: a graph that cannot be loaded leaves no run behind.
    await _load(graph, model=model)
    run = await in_thread(runs.register, thread_id, graph=graph, value=input, requester_id=requester_id, model=model)
    async with _session(run) as session:
        await _begin(session, input)
    return await in_thread(runs.find, thread_id)


async def start_queued(thread_id: str) -> None:
    """Run what is queued, once: a job that comes twice finds it begun."""
    async with _session(await in_thread(runs.find, thread_id)) as session:
        if session.run.status == RunStatus.QUEUED:
            await _begin(session, session.run.input)


async def resume(thread_id: str, ticket_id: int) -> None:
    """Deliver what is decided on this thread. Late, early, repeated or out of order, it does no harm.

    Raises LeaseHeld while another worker drives the thread.
    """
    if not await in_thread(_is_due, thread_id, ticket_id):
        return
    run = await in_thread(runs.find, thread_id)
    try:
        await _resume(run)
    except (UnknownGraph, BrokenGraph) as error:
        # Another worker may know it: the ticket stays undelivered, and the run says why.
        logger.warning("Run %s waits for a worker that knows its graph: %s", thread_id, error)
        await in_thread(runs.explain, thread_id, why=str(error))


async def _resume(run: Run) -> None:
    async with _session(run) as session:
        if RunStatus(session.run.status).is_over:
            return
        async with _settled(session):
            await _refuse_in_doubt(session)
            seen = await session.thread.look()
            await _advance(session, seen, stale=GONE_ON)


async def recover(thread_id: str) -> None:
    """Bring a run whose worker is gone to an honest state: paused, finished, or failed with the reason."""
    async with _session(await in_thread(runs.find, thread_id)) as session:
        if session.run.status != RunStatus.RUNNING:
            return
        async with _settled(session):
            await _refuse_in_doubt(session)
            seen = await session.thread.look()
            if not await in_thread(deliveries.is_settled, thread_id, seen):
                raise AgentError(STOPPED)
            again = await in_thread(deliveries.claim_again, session.lease, seen)
            if again is not None:
                seen = await _answer(session, again)
            await _advance(session, seen, done=again)


async def survey() -> None:
    """Load every registered graph once, so that the pages know them before anybody runs one."""
    for name in await in_thread(registry.entries):
        try:
            await _load(name, model="")
        except AgentError as error:
            # The page of runs names it; here it must not keep the others from being looked at.
            logger.warning("%s", error)


def start_sync(**arguments: Any) -> Run:
    """`start` for code without an event loop."""
    return _run_alone(start(**arguments))


def resume_sync(thread_id: str, ticket_id: int) -> None:
    """`resume` for code without an event loop."""
    _run_alone(resume(thread_id, ticket_id))


def check_input(entry: registry.GraphEntry, value: Any) -> None:
    """Raise BadInput that names the field unless the graph can take the value."""
    if not isinstance(value, dict):
        raise BadInput(why="it must be a JSON object.")
    if not _storable(value):
        raise BadInput(why="it holds text or numbers that the database cannot keep.")
    found = best_match(Draft202012Validator(entry.input_schema or {}).iter_errors(value))
    if found is not None:
        raise BadInput(why=f"{found.json_path}: {found.message}.")


def _storable(value: Any) -> bool:
    """Will Postgres take it? It knows no U+0000 and no lone surrogates."""
    try:
        return "\\u0000" not in json.dumps(value) and bool(json.dumps(value, ensure_ascii=False).encode())
    except (TypeError, ValueError):
        return False


async def _begin(session: Session, value: Any) -> None:
    await in_thread(runs.begin, session.lease, value=value)
    await in_thread(session.run.refresh_from_db, fields=["begun_at"])
    session.thread.asked = value
    async with _settled(session):
        await session.thread.begin(value)
        seen = await session.thread.look()
        await _advance(session, seen, stale=NEW_INPUT)


async def _advance(session: Session, seen: Seen, *, stale: str = "", done: Delivery | None = None) -> None:
    """Deliver what is decided, one answer after the other, until people are needed or the end."""
    while True:
        transcript = transcripts.of(seen.values, asked=session.thread.asked)
        settled = deliveries.Standing(run=session.run, seen=seen, transcript=transcript, done=done, stale=stale)
        delivery = await in_thread(deliveries.settle, session.lease, settled)
        if delivery is None:
            return
        seen, done, stale = await _answer(session, delivery), delivery, ""


async def _answer(session: Session, delivery: Delivery) -> Seen:
    """Hand over one answer. What a graph that raises leaves behind is written down before it ends the run."""
    try:
        await session.thread.answer(delivery.pause, delivery.value)
    except GraphRaised as raised:
        seen = await session.thread.look()
        await in_thread(deliveries.record_raised, delivery, seen, error=raised.__cause__ or raised)
        raise
    return await session.thread.look()


@asynccontextmanager
async def _session(run: Run) -> AsyncIterator[Session]:
    """The thread under its lease, with the graph loaded; the run is read again once the lease is held."""
    async with leases.held(run.thread_id) as lease:
        entry = registry.get(run.graph)
        graph = await _load(run.graph, model=run.model)
        run = await in_thread(runs.find, run.thread_id)
        tools = registry.tools(entry)
        thread = Thread(graph, thread_id=run.thread_id, model=run.model, entry=entry, tools=tools, asked=run.input)
        yield Session(run=run, thread=thread, lease=lease)


async def _load(name: str, *, model: str) -> Pregel[Any, Any, Any, Any]:
    """The graph on a saver of its own. What it looks like, or why it is broken, is kept for the pages."""
    try:
        graph = await registry.load(name, checkpointer=await checkpoints.saver(), model=model)
    except BrokenGraph as error:
        await in_thread(drawings.keep_broken, name, error)
        raise
    await drawings.keep(name, graph)
    return graph


@asynccontextmanager
async def _settled(session: Session) -> AsyncIterator[None]:
    """Whatever the graph does wrong ends as a failed run that says why. A lost lease or database does not."""
    try:
        yield
    except LeaseLost:
        raise
    except GraphRaised as raised:
        logger.info("Run %s failed", session.run.thread_id, exc_info=raised.__cause__)
        await _fail(session, deliveries.sentence(raised.__cause__ or raised))
    except (AgentError, ApprovalError) as error:
        await _fail(session, str(error))


async def _fail(session: Session, error: str) -> None:
    seen = await session.thread.look()
    transcript = transcripts.of(seen.values, asked=session.thread.asked)
    await in_thread(runs.fail, session.lease, error=error, transcript=transcript)


async def _refuse_in_doubt(session: Session) -> None:
    # LangGraph may have stored the answer that the dead worker delivered, and would replay it now.
    doubt = await in_thread(runs.doubt, session.run.thread_id)
    if doubt:
        raise AgentError(doubt)


def _is_due(thread_id: str, ticket_id: int) -> bool:
    """Is there anything to deliver? Asked before the lease: a repeated job costs one query."""
    return Ticket.objects.undelivered().filter(pk=ticket_id, thread_id=thread_id).exists()


def _run_alone(work: Coroutine[Any, Any, T]) -> T:
    async def alone() -> T:
        try:
            return await work
        finally:
            await checkpoints.close()

    return asyncio.run(alone())
