from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from approvals.audit import erasure
from approvals.errors import CannotErase


class Command(BaseCommand):
    """Take words and arguments out of a ticket and its record, and leave a note that this was done."""

    help = "Erases what one ticket that is over, and its entries in the record, say in arguments and words."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ticket, why, and who."""
        parser.add_argument("--ticket", type=int, required=True, metavar="ID", help="whose arguments and words")
        parser.add_argument("--reason", required=True, help="kept in the record for ever: name nobody in it")
        parser.add_argument("--by", metavar="USER", help="who does it, for the record; the system where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many."""
        if not options["reason"].strip():
            raise CommandError("--reason needs words.", returncode=2)
        number = options["ticket"]
        try:
            erased = erasure.erase(number, reason=options["reason"], actor=person(options["by"]))
        except CannotErase as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        if not erased:
            raise CommandError(f"There is nothing to erase of ticket {number}.", returncode=2)
        entries = "1 entry" if erased == 1 else f"{erased:,} entries"
        self.stdout.write(f"Erased what ticket {number} said, and {entries} of the record about it.")


def person(name: str | None) -> User | None:
    """Whoever is called so; nobody where no name is given."""
    if not name:
        return None
    found = User.objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is nobody called {name}.", returncode=2)
    return found
