"""List the registered graphs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents import registry
from agents.errors import AgentError


class Command(BaseCommand):
    """`list_graphs [--json]`: names and descriptions; nobody's code is imported."""

    help = "List the registered graphs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract."""
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them."""
        try:
            entries = registry.entries().values()
        except AgentError as error:
            raise CommandError(str(error), returncode=2) from error
        facts = [
            {"name": e.name, "target": e.target, "description": e.description, "input_schema": e.input_schema}
            for e in entries
        ]
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        width = max(len(str(fact["name"])) for fact in facts)
        for fact in facts:
            self.stdout.write(f"{fact['name']!s:<{width}}  {fact['description'] or fact['target']}")
