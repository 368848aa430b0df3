from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from agents import checkpoints


class Command(BaseCommand):
    """Make the checkpointer's tables."""

    help = "Creates or upgrades LangGraph's checkpoint tables; part of `up`, after `migrate` elsewhere."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checkpointer's own migrations; harmless when repeated."""
        checkpoints.setup_sync()
