"""Resume graphs, keep deadlines, find lost jobs. Any number of these, on any machine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException

from agents import connectors, leases, workers
from agents.database import RECONNECT_SECONDS
from agents.errors import AgentError, GaveUp

logger = logging.getLogger(__name__)

#: What is still running when the worker is told to stop gets this long; `up` waits 10 s in all.
GRACE_SECONDS = 6.0
#: Who waits longer for the database learns too late that it is back.
CONNECT_SECONDS = 5.0
#: LISTEN tells of new jobs at once; the poll finds what a lost notification left.
POLL_SECONDS = 1.0
#: Told to stop, it has ended after this long, whatever it waits for.
STOP_SECONDS = 9.0
#: A worker that lived for this long was well; the waits between two grow until then.
LONG_LIFE_SECONDS, LONGEST_DELAY_SECONDS = 30.0, 4.0
#: Without one that was well for this long the process ends, for whoever supervises it to start another.
GIVE_UP_SECONDS = 300.0


class Command(BaseCommand):
    """`worker [--concurrency N]`: stops cleanly on SIGINT and SIGTERM."""

    help = "Run a worker: it resumes graphs, keeps deadlines and finds lost jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract."""
        parser.add_argument("--concurrency", type=int, default=4, metavar="N", help="runs at once (4)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        if options["concurrency"] < 1:
            raise CommandError("--concurrency must be at least 1.", returncode=2)
        # The connector Django uses cannot LISTEN; this one can, on the same database.
        connector = connectors.WorkerConnector(
            kwargs=connector_params(), timeout=CONNECT_SECONDS, reconnect_timeout=RECONNECT_SECONDS
        )
        try:
            with app.replace_connector(connector), workers.enrolled("worker"):
                asyncio.run(_work(concurrency=options["concurrency"]))
        except AgentError as error:
            raise CommandError(str(error)) from error
        except (psycopg.OperationalError, ConnectorException) as error:
            raise OperationalError(str(error.__cause__ or error)) from error  # said in one sentence, as everywhere


async def _work(*, concurrency: int) -> None:
    # Imported here: the worker is the process that needs LangGraph.
    from agents import checkpoints, registry, runner, sweeps

    asyncio.get_running_loop().set_exception_handler(connectors.note_orphans)
    await asyncio.to_thread(registry.warm)
    async with app.open_async():
        surveying = asyncio.create_task(_until_done(runner.survey))
        try:
            await _until_told(asyncio.create_task(_keep_working(concurrency=concurrency)), beside=sweeps.forever())
        finally:
            surveying.cancel()
            await asyncio.gather(surveying, return_exceptions=True)
            await checkpoints.close()


async def _until_told(work: asyncio.Task[None], *, beside: Coroutine[Any, Any, None]) -> None:
    """Work until a signal comes or one of the two gives up, and end what has been begun. Raises GaveUp."""
    loop, sweeping = asyncio.get_running_loop(), asyncio.create_task(beside)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, work)
    await asyncio.wait([work, sweeping], return_when=asyncio.FIRST_COMPLETED)
    _stop(work)
    sweeping.cancel()
    for ended in await asyncio.gather(work, sweeping, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def _stop(work: asyncio.Task[None]) -> None:
    """Cancelled, a worker ends what it has begun first; where even that waits for a database it just ends."""
    work.cancel()
    end = threading.Timer(STOP_SECONDS, os._exit, [1])
    end.daemon = True
    end.start()


async def _keep_working(*, concurrency: int) -> None:
    """procrastinate's worker ends when a side task of its does: LISTEN, its heartbeat, the database.

    A new one here is there sooner than a new process. Raises GaveUp when none of them lives for long.
    """
    me, delay, worked_at = asyncio.current_task(), POLL_SECONDS, time.monotonic()
    while me and not me.cancelling():  # told to stop while the database is away, it would hear only of that
        began, why = time.monotonic(), "it ended by itself"
        try:
            await _run_worker(concurrency=concurrency)
        except ConnectorException as error:
            why = str(error.__cause__ or error)
        now = time.monotonic()
        if now - began > LONG_LIFE_SECONDS:
            delay, worked_at = POLL_SECONDS, now
        if now - worked_at > GIVE_UP_SECONDS:
            raise GaveUp(what="The worker", why=why)
        logger.warning("The worker ended and begins again in %.0f s: %s", delay, why)
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY_SECONDS)


async def _run_worker(*, concurrency: int) -> None:
    await app.run_worker_async(
        name=f"worker-{os.getpid()}",
        concurrency=concurrency,
        fetch_job_polling_interval=POLL_SECONDS,
        shutdown_graceful_timeout=GRACE_SECONDS,
        update_heartbeat_interval=leases.HEARTBEAT_SECONDS,
        stalled_worker_timeout=leases.TTL.total_seconds(),
        delete_jobs="successful",
        install_signal_handlers=False,
    )


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """What has to be done once, whenever the database lets it."""
    while True:
        try:
            await work()
            return
        except Exception:
            logger.warning("What a worker begins with failed and will be tried again", exc_info=True)
        await asyncio.sleep(LONGEST_DELAY_SECONDS)
