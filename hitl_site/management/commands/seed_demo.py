from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from hitl_site import demo


class Command(BaseCommand):
    """Make the demo's users, groups, policies and runs."""

    help = "Demo users, groups, policies and runs; harmless when repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--runs` and `--people` make only one half, which is how `up` calls it."""
        half = parser.add_mutually_exclusive_group()
        half.add_argument("--people", action="store_true", help="only users, groups and policies")
        half.add_argument("--runs", action="store_true", help="only the runs; the users must be there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing and say who can sign in."""
        if not options["runs"]:
            for line in demo.lines(demo.seed()):
                self.stdout.write(line)
        if not options["people"]:
            started = demo.seed_runs()
            if started:
                self.stdout.write(f"Started {started} demo runs.")
