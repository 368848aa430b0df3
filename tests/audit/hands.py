"""Other hands on the same database: a second connection, and a superuser who switches the guards off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def second_connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own to the test database; what it did not commit is undone."""
    known = {**connection.get_connection_params()}
    for ours in ("cursor_factory", "context", "server_side_binding"):
        known.pop(ours, None)
    with psycopg.connect(**known) as other:
        yield other
        other.rollback()


@contextmanager
def unguarded() -> Iterator[Any]:
    """A superuser's cursor with every trigger off."""
    connection.check_constraints()  # what was written before is judged as it was then
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("SET session_replication_role = origin")
