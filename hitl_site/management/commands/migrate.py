from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """Django's `migrate` without the time limits of a web request: an index on a big table takes minutes."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Lift the limits for this connection, migrate, put them back: the pool keeps the connection."""
        connection = connections[options["database"]]
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"SET {name} = 0")
        try:
            super().handle(*args, **options)
        finally:
            if connection.connection is not None and not connection.connection.closed:
                with connection.cursor() as cursor:
                    for name in names:
                        cursor.execute(f"RESET {name}")
