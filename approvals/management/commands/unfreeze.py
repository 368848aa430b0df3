"""Let work go on after it was frozen."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals import freezes
from approvals.errors import NotFrozen

USAGE = 2


class Command(BaseCommand):
    """`unfreeze --reason TEXT`: exit 0 when work goes on, 2 when nothing was frozen or no reason is given."""

    help = "Let work go on after it was frozen. Look first what was done since the backup: it may be done again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Why it may."""
        parser.add_argument("--reason", required=True, help="what was looked at, for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        """Clear it, for the record."""
        if not options["reason"].strip():
            raise CommandError("The reason is empty.", returncode=USAGE)
        try:
            cleared = freezes.clear(reason=options["reason"], by=None)
        except NotFrozen as error:
            raise CommandError(str(error), returncode=USAGE) from error
        self.stdout.write(f"Work goes on. It was frozen: {cleared.reason}")
