"""Resume graphs, keep deadlines, find lost jobs. Any number of these, on any machine."""

from __future__ import annotations

import asyncio
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app

#: What is still running when the worker is told to stop gets this long; `up` waits 10 s in all.
GRACE_SECONDS = 6.0
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
        with app.replace_connector(app.connector.get_worker_connector()):  # type: ignore[attr-defined]
            asyncio.run(_work(concurrency=options["concurrency"]))


async def _work(*, concurrency: int) -> None:
    # Imported here: the worker is the process that needs LangGraph.
    from agents import checkpoints, registry, runner, sweeps

    await asyncio.to_thread(registry.warm)
    async with app.open_async():
        beside = [asyncio.create_task(sweeps.forever()), asyncio.create_task(runner.survey())]
        try:
            await app.run_worker_async(
                name=f"worker-{os.getpid()}",
                concurrency=concurrency,
                fetch_job_polling_interval=POLL_SECONDS,
                shutdown_graceful_timeout=GRACE_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=True,
            )
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await checkpoints.close()
