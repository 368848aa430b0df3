from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from approvals import policy_files, rulebook


class Command(BaseCommand):
    """Write all policies as a file."""

    help = "Prints all policies as TOML, ready for load_policies."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the file."""
        self.stdout.write(policy_files.dump(rulebook.present()), ending="")
