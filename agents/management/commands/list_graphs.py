"""List the registered graphs, and say of each whether it can be loaded."""

from __future__ import annotations

import asyncio
import json
import traceback
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agents import registry
from agents.entries import GraphEntry
from agents.errors import AgentError
from agents.protocols import extensions


class Command(BaseCommand):
    """`list_graphs [--json]`: names and descriptions; a broken one is named with its reason and hides no other."""

    help = "List the registered graphs and say which are broken; with --verbosity 2 where."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract."""
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them; what is wrong with whole files and wire formats goes to standard error."""
        facts = asyncio.run(_all(registry.entries().values()))
        for fault in (*registry.faults(), *extensions.found()[1]):
            self.stderr.write(str(fault))
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        width = max(len(str(fact["name"])) for fact in facts)
        for fact in facts:
            self.stdout.write(f"{fact['name']!s:<{width}}  {fact['error'] or fact['description'] or fact['target']}")
            if fact["traceback"] and options["verbosity"] > 1:
                self.stdout.write(fact["traceback"])


async def _all(entries: Any) -> list[dict[str, Any]]:
    return [await _facts(entry) for entry in entries]


async def _facts(entry: GraphEntry) -> dict[str, Any]:
    facts = {
        "name": entry.name,
        "target": entry.target,
        "description": entry.description,
        "input_schema": entry.input_schema,
        "error": None,
        "traceback": None,
    }
    try:
        await registry.load(entry.name, checkpointer=None)
        registry.tools(entry)
    except AgentError as error:
        where = error.__cause__ or error
        facts |= {"error": str(error), "traceback": "".join(traceback.format_exception(where))}
    return facts
