"""The queue's side of the runtime: a job takes ids and calls one function.

procrastinate imports this module in every Django process. The runner is imported inside the functions,
because the web process must not load LangGraph and LangChain to show an inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from agents import jobs
from agents.database import AWAY
from agents.errors import BrokenGraph, DatabaseAway, LeaseHeld, LeaseLost, ModelRefused, TooEarly, UnknownGraph
from approvals import logs
from approvals import resume as resuming
from approvals.errors import Frozen

#: Most leases are let go within a moment: `run_agent` has just paused.
PATIENCE_SECONDS = 2.0
STEP_SECONDS = 0.05


class EverMoreSlowly(BaseRetryStrategy):
    """Try again for as long as it takes, a second later and then ever more slowly.

    One job waits, so nothing spins, and whatever is mended meanwhile is noticed: another worker's lease, a
    database that is away, a graph that only a newer worker knows, even a fault of our own.
    """

    #: The first that fits; the longest wait in seconds.
    LONGEST: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
        ((UnknownGraph, BrokenGraph, ModelRefused), 8),
        ((Frozen,), 15),
        ((LeaseHeld, LeaseLost, TooEarly, DatabaseAway, ConnectionError, *AWAY), 30),
        ((Exception,), 60),
    )

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again; None when the job was told to stop."""
        longest = next((seconds for kinds, seconds in self.LONGEST if isinstance(exception, kinds)), None)
        if longest is None:
            return None
        wait = timedelta(seconds=min(2 ** min(job.attempts, 10), longest))
        return RetryDecision(retry_at=datetime.now(UTC) + wait)


@app.task(name=resuming.TASK_NAME, queue=resuming.QUEUE, retry=EverMoreSlowly())
async def resume(thread_id: str, ticket_id: int) -> None:
    """Deliver what is decided on a thread."""
    from agents import runner  # see the top of this module

    with logs.about(thread_id=thread_id, ticket_id=ticket_id):
        await _patiently(runner.resume, thread_id, ticket_id)


@app.task(name=jobs.DRIVE_TASK_NAME, queue=resuming.QUEUE, retry=EverMoreSlowly())
async def drive(thread_id: str) -> None:
    """Do what the run's row asks for."""
    from agents import runner  # see the top of this module

    await _patiently(runner.drive, thread_id)


async def _patiently(work: Callable[..., Awaitable[None]], *ids: object) -> None:
    clock = asyncio.get_running_loop()
    patience = clock.time() + PATIENCE_SECONDS
    while True:
        try:
            await work(*ids)
            return
        except LeaseHeld:
            if clock.time() > patience:
                raise
            await asyncio.sleep(STEP_SECONDS)
