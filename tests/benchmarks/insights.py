"""What the page of figures costs with 1,000,000 tickets that ended within 30 days, beside counting them all again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from approvals import figures, tallies
from tests.api.programs import Program
from tests.benchmarks import past, stage

NUMBER, DAYS, ROUNDS = 1_000_000, 30, 20
AIM_MS = 300.0
_DECISIONS = """
INSERT INTO approvals_decision (ticket_id, revision, reviewer_id, type, message, digest, at)
SELECT id, 1, %s, 'approve', '', digest, resolved_at FROM approvals_ticket WHERE thread_id LIKE 'past-%%'
"""
#: Between an hour and nothing before they ended.
_TIMES = """
UPDATE approvals_ticket SET opened_at = resolved_at - make_interval(secs => id % 3600) WHERE resolved_at IS NOT NULL
"""
_ALL = """
SELECT action, policy_name, outcome, count(*),
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY resolved_at - opened_at)
FROM approvals_ticket WHERE state <> 'pending' AND resolved_at > clock_timestamp() - interval '30 days' GROUP BY 1, 2, 3
"""


def run() -> dict[str, Any]:
    """The page, the API, the figures alone, the first look before any were counted, and the same from the tickets."""
    settings.ALLOWED_HOSTS = ["*"]
    made = _timed(_make)
    client = Client()
    auditor = User.objects.create(username="auditor", is_superuser=True)
    client.force_login(auditor)
    program = Program(auditor, "read")
    first = _timed(tallies.keep)
    calls: dict[str, Callable[[], object]] = {
        "page": lambda: client.get("/insights/"),
        "page_7_days": lambda: client.get("/insights/?days=7"),
        "figures": lambda: figures.over(DAYS),
        "api": lambda: program.get("insights"),
        "floor": lambda: client.get("/help/keys/"),
    }
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            samples[name].append(_timed(call))
    spreads = {name: stage.spread(seconds[2:]) for name, seconds in samples.items()}
    told = {"tickets": NUMBER, "made_s": round(made, 1), "first_count_s": round(first, 2), "unit": "ms"}
    return {**told, "rounds": ROUNDS, **spreads, "from_tickets": round(_timed(_from_tickets) * 1000), "aim": AIM_MS}


def _make() -> None:
    past.make(NUMBER, days=DAYS)
    alice = User.objects.get(username="alice")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with stage.unrecorded(cursor):
            cursor.execute(_DECISIONS, [alice.pk])
            cursor.execute(_TIMES)
        cursor.execute("VACUUM ANALYZE approvals_ticket, approvals_decision")
        cursor.execute("RESET statement_timeout")


def _from_tickets() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_ALL)
        cursor.fetchall()


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
