from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.audit import heads, keys, stored, verify
from approvals.audit.findings import Report
from approvals.audit.notes import BadNote, Head, PublicKey


class Command(BaseCommand):
    """Is the record what was written?"""

    help = "Checks every chain, the tree and every seal; exits with 1 and names the first bad entry."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to look through, and what to hold it against."""
        parser.add_argument("--export", type=Path, metavar="FILE", help="an export in the place of the database")
        parser.add_argument(
            "--head",
            type=Path,
            metavar="FILE",
            help="a signed head that was kept elsewhere; else the database is held against the one in the data dir",
        )
        parser.add_argument("--key", type=Path, metavar="FILE", help="public keys in the place of this machine's own")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report."""
        try:
            known = verify.keys_of(options["key"]) if options["key"] else keys.known()
            head = verify.head_of(options["head"], keys=known) if options["head"] else None
            head = head or (None if options["export"] else heads.kept())
            report = self._report(options["export"], known, head)
        except (OSError, BadNote) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(verify.told(report, as_json=options["json"]))
        if report.first:
            raise SystemExit(1)

    def _report(self, export: Path | None, known: list[PublicKey], head: Head | None) -> Report:
        if export:
            return verify.export(export, keys=known, head=head)
        with verify.bar() as progress:
            if not progress:
                return stored.inspect(keys=known, head=head)
            task = progress.add_task("Verifying", total=stored.total())
            return stored.inspect(keys=known, head=head, step=lambda: progress.advance(task))
