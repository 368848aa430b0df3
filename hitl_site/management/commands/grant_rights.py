from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hitl_site import rights


class Command(BaseCommand):
    """Give a role of the database what the application needs, and no right to change the record."""

    help = "Grants a database role the application's rights; after `migrate`, with the owner's DATABASE_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose rights."""
        parser.add_argument("role", metavar="ROLE", help="a role that can log in and owns nothing here")

    def handle(self, *args: Any, **options: Any) -> None:
        """Grant, and say on how many tables."""
        role = options["role"]
        try:
            tables = rights.grant(role)
        except rights.NoSuchRole:
            raise CommandError(f"There is no role {role!r}: CREATE ROLE it first.", returncode=2) from None
        except rights.TooMighty:
            why = "may do all that the owner of the tables may: use a role of its own"
            raise CommandError(f"{role!r} {why}.", returncode=2) from None
        self.stdout.write(f"{role!r} may work with {tables} tables, and may not change what is written once.")
