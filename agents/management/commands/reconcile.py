"""Compare the checkpointer with the tickets and mend what has come apart."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from agents.reconcile import Finding


class Command(BaseCommand):
    """`reconcile [--json]`: exit 0 when all is well or mended, 1 when a person must look at something."""

    help = "Compare the checkpointer with the tickets and mend what has come apart. Harmless when repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at every thread, and say what was done."""
        from agents import reconcile, runner, workers  # LangGraph takes a second that `--help` need not

        async def look() -> list[Finding]:
            return [finding async for finding in reconcile.every_thread()]

        with workers.enrolled("reconcile"):
            found = runner.run_alone(look())
        if options["json"]:
            self.stdout.write(json.dumps(_report(found)))
        else:
            self._tell(found)
        helpless = sum(finding.needs_help for finding in found)
        if helpless:
            raise CommandError(f"{helpless} of {len(found)} threads need somebody to look at them.", returncode=1)

    def _tell(self, found: list[Finding]) -> None:
        for finding in found:
            name = f"{finding.graph or 'unknown graph'} {finding.thread_id}"
            self.stdout.write(f"{name}: {' '.join((*finding.did, finding.why))}")
        mended = sum(bool(finding.did) for finding in found)
        self.stdout.write(f"Threads looked at: {len(found)}; mended: {mended}.")


def _report(found: list[Finding]) -> dict[str, Any]:
    return {
        "looked_at": len(found),
        "mended": sum(bool(finding.did) for finding in found),
        "need_help": sum(finding.needs_help for finding in found),
        "threads": [asdict(finding) for finding in found],
    }
