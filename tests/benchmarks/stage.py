"""What every benchmark stands on: a fresh embedded Postgres in a temporary data dir, migrated."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command


@contextlib.contextmanager
def set_up() -> Iterator[None]:
    """Point the settings at the temporary data dir, start its server, take all of it away again."""
    from hitl_site import postgres  # before the settings: they must find the new data dir

    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as home:
        os.environ.pop("DATABASE_URL", None)
        os.environ["COUNTERSIGN_DATA_DIR"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "hitl_site.settings"
        with postgres.embedded(Path(home)) as url:
            os.environ["DATABASE_URL"] = url
            django.setup()
            call_command("migrate", verbosity=0, interactive=False)
            try:
                yield
            finally:
                from django.db import connection

                connection.close()
                connection.close_pool()


#: What the database asks of whoever writes a ticket: an entry in the record.
_RECORDED = {
    "approvals_ticket": ("ticket_opened", "ticket_change"),
    "approvals_revision": ("revision",),
    "approvals_decision": ("decision",),
    "approvals_ticketrequirement": ("requirement",),
}


@contextlib.contextmanager
def unrecorded(cursor: Any) -> Iterator[None]:
    """Many tickets at once, made in SQL, are not in the record."""
    for order in ("DISABLE", "ENABLE"):
        for table, names in _RECORDED.items():
            for name in names:
                cursor.execute(f"ALTER TABLE {table} {order} TRIGGER approvals_{name}_is_recorded")
        if order == "DISABLE":
            yield


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and worst of some seconds, in milliseconds."""
    cuts = statistics.quantiles(samples, n=20, method="inclusive")
    figures = {"p50": cuts[9], "p95": cuts[18], "max": max(samples)}
    return {name: round(seconds * 1000, 1) for name, seconds in figures.items()}
