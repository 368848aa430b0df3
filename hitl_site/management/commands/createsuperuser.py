"""Django's own command, on record: who may do everything is nobody's private matter."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from hitl_site import attendance


class Command(createsuperuser.Command):
    """As Django has it, with an entry in the record."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the account; its entry commits with it."""
        with attendance.on_server():
            super().handle(*args, **options)
