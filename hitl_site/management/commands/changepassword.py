"""Django's own command, on record: whoever sets somebody's password can sign in their name."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword

from hitl_site import attendance


class Command(changepassword.Command):
    """As Django has it, with an entry in the record."""

    def handle(self, *args: Any, **options: Any) -> str:
        """Set the password; its entry commits with it."""
        with attendance.on_server():
            return str(super().handle(*args, **options))
