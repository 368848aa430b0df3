"""The queue's side of the runtime: a job takes ids and calls one function.

procrastinate imports this module in every Django process. The runner is imported inside the functions,
because the web process must not load LangGraph and LangChain to show an inbox.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from django.db import InterfaceError, OperationalError
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job
from psycopg import OperationalError as DriverError
from psycopg_pool import PoolTimeout

from agents.errors import LeaseHeld, LeaseLost
from approvals import resume as resuming

START_TASK_NAME = "agents.start_run"
#: Most leases are let go within a moment: `run_agent` has just paused.
PATIENCE_SECONDS = 2.0
STEP_SECONDS = 0.05


class WhatMayPass(BaseRetryStrategy):
    """Try again what passes by itself: another worker, a database that is away. Nothing else."""

    PASSING = (
        LeaseHeld,
        LeaseLost,
        OperationalError,
        InterfaceError,
        DriverError,
        PoolTimeout,
        ConnectionError,
    )

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """A second later, then ever more slowly, for as long as it takes."""
        if not isinstance(exception, self.PASSING):
            return None
        wait = timedelta(seconds=min(2**job.attempts, 30))
        return RetryDecision(retry_at=datetime.now(UTC) + wait)


@app.task(name=resuming.TASK_NAME, queue=resuming.QUEUE, retry=WhatMayPass())
async def resume(thread_id: str, ticket_id: int) -> None:
    """Deliver what is decided on a thread."""
    from agents import runner  # see the top of this module

    clock = asyncio.get_running_loop()
    patience = clock.time() + PATIENCE_SECONDS
    while True:
        try:
            await runner.resume(thread_id, ticket_id)
            return
        except LeaseHeld:
            if clock.time() > patience:
                raise
            await asyncio.sleep(STEP_SECONDS)


@app.task(name=START_TASK_NAME, queue=resuming.QUEUE, retry=WhatMayPass())
async def start_run(thread_id: str) -> None:
    """Run what was queued for a worker."""
    from agents import runner  # see the top of this module

    await runner.start_queued(thread_id)
