"""Comparing the checkpointer with the tables, and mending what has come apart, thread by thread.

It delivers no answer and withdraws no decision that can still be delivered: that is a worker's part. What
it does it does under the thread's lease, says why, and does nothing when it is repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from django.db import connection, transaction

from agents import deliveries, runner, runs, sessions
from agents.database import in_thread
from agents.errors import AgentError, LeaseHeld
from agents.models import Run, RunStatus
from agents.sessions import Session
from approvals.errors import ApprovalError
from approvals.models import Ticket
from approvals.states import TicketState

OF_NOBODY = "SELECT DISTINCT thread_id FROM checkpoints EXCEPT SELECT thread_id FROM agents_run ORDER BY 1"

DRIVEN = "A worker is driving it at this moment."
ALL_WELL = "The tickets are what the graph waits for."
NO_RUN = "No run names the graph that wrote this thread, so it cannot be read."
OPENED = "The graph waits at {places} and nobody was being asked."
CLOSED = "The graph no longer waits for it: {instead}."
LEFT_OPEN = "The run is over, so what it asked for can never be done."
LEFT_BEHIND = "Its worker is gone; it stopped in the middle of a step, which is no pause."
STUCK = "The graph still waits for an answer that it was given; “repair_thread {thread_id}” asks again."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found on one thread, what was done about it, and why."""

    thread_id: str
    graph: str
    status: str
    #: What was done, one sentence each; empty where nothing had to be.
    did: tuple[str, ...] = ()
    why: str = ALL_WELL
    #: Something is wrong that a person must look at.
    needs_help: bool = False


async def every_thread() -> AsyncIterator[Finding]:
    """Look at every run that is not over or left something open, then at threads that no run knows."""
    for run in await in_thread(_doubtful_runs):
        yield await _look_at(run)
    for thread_id in await in_thread(_threads_of_nobody):
        yield Finding(thread_id=thread_id, graph="", status="", why=NO_RUN)


async def _look_at(run: Run) -> Finding:
    try:
        if RunStatus(run.status).is_over:
            return await in_thread(_close_left_open, run)
        if run.status == RunStatus.PAUSED:
            return await _compare(run)
        return await _take_up(run)
    except LeaseHeld:
        return _finding(run, why=DRIVEN)
    except (AgentError, ApprovalError) as error:
        return _finding(run, why=str(error), needs_help=True)


def _close_left_open(run: Run) -> Finding:
    with transaction.atomic():
        now = Run.objects.select_for_update().get(pk=run.pk)
        if not RunStatus(now.status).is_over:  # repaired or told something new since the rows were read
            return _finding(now, why=DRIVEN)
        closed = runs.close_tickets(run.thread_id, reason=LEFT_OPEN)
    did = (f"Closed {closed} {'ticket' if closed == 1 else 'tickets'}.",) if closed else ()
    return _finding(run, did=did, why=LEFT_OPEN)


async def _take_up(run: Run) -> Finding:
    await runner.drive(run.thread_id)
    after = await in_thread(runs.find, run.thread_id)
    why = LEFT_BEHIND if run.status == RunStatus.RUNNING else "It was queued and no worker had begun it."
    did = f"Took it up again; it was {run.status} and is now {after.status}."
    return _finding(after, did=(did,), why=f"{why} {after.error}".strip())


async def _compare(run: Run) -> Finding:
    async with sessions.opened(run.thread_id) as session:
        if session.run.status != RunStatus.PAUSED:
            return _finding(session.run, why=DRIVEN)
        return await _mended(session)


async def _mended(session: Session) -> Finding:
    """Mend a paused run. What it waits for is read from the checkpointer; the run's row says that it paused."""
    thread_id = session.run.thread_id
    seen = await session.thread.look()
    before = await in_thread(_standing, thread_id)
    instead = f"it waits at {', '.join(seen.places)}" if seen.pauses else "it has come to its end"
    standing = sessions.standing_of(session, seen, stale=CLOSED.format(instead=instead))
    await in_thread(deliveries.mend, session.lease, standing)
    after = await in_thread(_standing, thread_id)
    run = await in_thread(runs.find, thread_id)
    did = tuple(_changes(before, after, was=session.run.status, now=run.status))
    if did:
        waits = OPENED.format(places=", ".join(seen.places)) if set(after) - set(before) else ""
        return _finding(run, did=did, why=waits or standing.stale)
    if await in_thread(deliveries.is_stuck, thread_id, seen):
        return _finding(run, why=STUCK.format(thread_id=thread_id), needs_help=True)
    return _finding(run)


def _changes(before: dict[int, str], after: dict[int, str], *, was: str, now: str) -> list[str]:
    opened = [f"Opened ticket {pk}." for pk in after if pk not in before]
    closed = [f"Closed ticket {pk}: {after[pk]}." for pk in before if before[pk] != after[pk]]
    return [*opened, *closed, *([f"The run was {was} and is now {now}."] if was != now else [])]


def _standing(thread_id: str) -> dict[int, str]:
    return {t.pk: TicketState(t.state).value for t in Ticket.objects.filter(thread_id=thread_id).order_by("pk")}


def _doubtful_runs() -> list[Run]:
    live = Run.objects.filter(status__in=[RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED])
    left = Ticket.objects.held().exclude(interrupt_id="").values("thread_id")
    return list((live | Run.objects.filter(thread_id__in=left)).order_by("id"))


def _threads_of_nobody() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('checkpoints')")
        if cursor.fetchone()[0] is None:
            return []
        cursor.execute(OF_NOBODY)
        return [row[0] for row in cursor.fetchall()]


def _finding(run: Run, *, did: tuple[str, ...] = (), why: str = ALL_WELL, needs_help: bool = False) -> Finding:
    return Finding(thread_id=run.thread_id, graph=run.graph, status=run.status, did=did, why=why, needs_help=needs_help)
