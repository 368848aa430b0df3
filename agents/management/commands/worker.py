"""Resume graphs, keep deadlines, find lost jobs. Any number of these, on any machine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException

from agents.database import RECONNECT_SECONDS

logger = logging.getLogger(__name__)

#: What is still running when the worker is told to stop gets this long; `up` waits 10 s in all.
GRACE_SECONDS = 6.0
#: Who waits longer for the database learns too late that it is back.
CONNECT_SECONDS = 5.0
#: LISTEN tells of new jobs at once; the poll finds what a lost notification left.
POLL_SECONDS = 1.0


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
        connector = PsycopgConnector(
            kwargs=connector_params(), timeout=CONNECT_SECONDS, reconnect_timeout=RECONNECT_SECONDS
        )
        with app.replace_connector(connector):
            asyncio.run(_work(concurrency=options["concurrency"]))


async def _work(*, concurrency: int) -> None:
    # Imported here: the worker is the process that needs LangGraph.
    from agents import checkpoints, registry, runner, sweeps

    await asyncio.to_thread(registry.warm)
    async with app.open_async():
        beside = [asyncio.create_task(sweeps.forever()), asyncio.create_task(runner.survey())]
        try:
            await _until_told(asyncio.create_task(_keep_working(concurrency=concurrency)))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await checkpoints.close()


async def _until_told(work: asyncio.Task[None]) -> None:
    """Cancelled, a worker ends what it has begun first."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


async def _keep_working(*, concurrency: int) -> None:
    """procrastinate's worker ends when the database goes away; a new one here is there sooner than a new process."""
    me = asyncio.current_task()
    while me and not me.cancelling():  # told to stop while the database is away, it would hear only of that
        try:
            await app.run_worker_async(
                name=f"worker-{os.getpid()}",
                concurrency=concurrency,
                fetch_job_polling_interval=POLL_SECONDS,
                shutdown_graceful_timeout=GRACE_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
        except ConnectorException as error:
            logger.warning("The database is away; the worker goes on when it is back: %s", error.__cause__ or error)
        await asyncio.sleep(POLL_SECONDS)
