from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents import erasure
from agents.errors import AgentError
from approvals.errors import CannotErase, Frozen
from approvals.management.commands.erase_audit import person


class Command(BaseCommand):
    """Take words, arguments, results and checkpoints of a run away, and leave a note that this was done."""

    help = "Erases one run that is over: its tickets, its conversation, steps and results, and its checkpoints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which run, why, and who."""
        parser.add_argument("thread_id", help="the run's thread id")
        parser.add_argument("--reason", required=True, help="kept in the record for ever: name nobody in it")
        parser.add_argument("--by", metavar="USER", help="who does it, for the record; the system where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many."""
        if not options["reason"].strip():
            raise CommandError("--reason needs words.", returncode=2)
        try:
            actor = person(options["by"])
            erased = erasure.erase(options["thread_id"], reason=options["reason"], actor=actor)
        except (AgentError, CannotErase, Frozen) as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        self.stdout.write(f"Erased the run, its checkpoints and what {erased} entries of the record said.")
