"""Counting what goes to the database, so that the write path cannot grow unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

#: A test runs in a transaction of its own, so ours are savepoints there: they are not counted.
CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of the block, without those that only begin and end transactions."""
    statements: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield statements
    told = [query["sql"] for query in captured.captured_queries]
    statements += [sql for sql in told if not sql.startswith(CONTROL)]
