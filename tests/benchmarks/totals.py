"""What a running total costs with 100,000 requests of the last day to look through."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User

from approvals import totals
from approvals.conditions import Total
from tests.benchmarks import past, stage

NUMBER, TIMES = 100_000, 40


def run() -> dict[str, Any]:
    """Milliseconds for each kind of total."""
    past.make(NUMBER, days=1)
    return {
        "tickets": NUMBER,
        "by_recipient_ms": _spread(("args.to",)),
        "by_action_and_recipient_ms": _spread(("action", "args.to")),
        "by_requester_in_an_hour_ms": _spread(("requester",), hours=1),
    }


def _spread(by: tuple[str, ...], *, hours: int = 24) -> dict[str, float]:
    total = Total(what="args.amount", by=by, hours=hours)
    return stage.spread([_timed(lambda n=n: totals.Reader(subject=_subject(n))(total)) for n in range(TIMES)])


def _subject(number: int) -> totals.Subject:
    dave = User.objects.get(username="dave")
    args = {"amount": 1, "to": f"payee-{number * 5}"}
    return totals.Subject(
        action="transfer_money", graph="operations", requester_id=dave.pk, requester="dave", args=args
    )


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
