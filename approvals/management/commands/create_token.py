"""Make a token for the API."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from approvals import tokens
from approvals.errors import InvalidLifetime
from approvals.states import Scope

USAGE = 2


class Command(BaseCommand):
    """`create_token USER --scope SCOPE [--days N]`: prints the token once."""

    help = "Make a token for the API and print it once; only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract, and a name to recognise it by."""
        parser.add_argument("user", help="whose word or request it carries")
        parser.add_argument("--scope", required=True, choices=Scope.values, help="request and decide may also read")
        parser.add_argument("--days", type=int, default=tokens.DAYS, help=f"how long it lives, at most {tokens.DAYS}")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the secret and nothing else."""
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user called “{options['user']}”.", returncode=USAGE)
        try:
            _, secret = tokens.create(
                user, scope=Scope(options["scope"]), actor=None, name=options["name"][:80], days=options["days"]
            )
        except InvalidLifetime as refusal:
            raise CommandError(str(refusal), returncode=USAGE) from refusal
        self.stdout.write(secret)
