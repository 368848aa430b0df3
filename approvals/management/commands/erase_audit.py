from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.audit import erasure


class Command(BaseCommand):
    """Take words and arguments of a ticket out of the record, and leave a note that this was done."""

    help = "Erases the payloads of one ticket's entries; the chain still verifies and says that they were erased."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ticket, and why."""
        parser.add_argument("--ticket", type=int, required=True, metavar="ID", help="whose payloads")
        parser.add_argument("--reason", required=True, help="kept in the record for ever: name nobody in it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many."""
        if not options["reason"].strip():
            raise CommandError("--reason needs words.", returncode=2)
        erased = erasure.erase(options["ticket"], reason=options["reason"])
        if not erased:
            raise CommandError(f"Ticket {options['ticket']} has no payloads in the record.", returncode=2)
        self.stdout.write(f"Erased the payloads of {erased} entries of ticket {options['ticket']}.")
