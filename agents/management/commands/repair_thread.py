"""Free a thread that LangGraph replays a bad answer on: the question is asked again."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents import runs, wishes, workers
from agents.errors import AgentError, LeaseHeld
from agents.models import Run, RunStatus
from approvals.errors import Frozen
from approvals.models import Ticket

USAGE = 2
POLL_SECONDS = 0.1


class Command(BaseCommand):
    """`repair_thread ID`: exit 0 when the question is asked again, 1 when the run fails, 2 when it cannot be done."""

    help = "Ask again what a failed or paused run asks; answers that its graph could not use are taken back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The argument of the contract."""
        parser.add_argument("thread_id", help="the run's thread id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Repair it here, or wait for the worker that was faster."""
        thread_id = options["thread_id"]
        try:
            wishes.request_repair(thread_id, actor=None)
            _repair(thread_id)
        except (AgentError, Frozen) as error:
            raise CommandError(str(error), returncode=USAGE) from error
        run = runs.find(thread_id)
        if run.status != RunStatus.PAUSED:
            raise CommandError(f"The run is {run.status}. {run.error}".strip(), returncode=1)
        self._tell(run)

    def _tell(self, run: Run) -> None:
        self.stdout.write(f"{run.graph} {run.thread_id}: asked again.")
        for ticket in Ticket.objects.filter(thread_id=run.thread_id).pending().order_by("id"):
            self.stdout.write(f"  ticket {ticket.pk}: {ticket.action}")


def _repair(thread_id: str) -> None:
    from agents import runner  # LangGraph takes a second that `--help` need not

    with workers.enrolled("repair_thread"):
        while runs.find(thread_id).status in {RunStatus.QUEUED, RunStatus.RUNNING}:
            try:
                runner.drive_sync(thread_id)
            except LeaseHeld:
                time.sleep(POLL_SECONDS)
