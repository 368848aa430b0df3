"""How long a draft takes over 100,000 past requests, and how long reading them alone takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from approvals import backtest, drafts, policy, rulebook
from hitl_site import demo
from tests.benchmarks import past

NUMBER, DAYS = 100_000, 30
#: The demo's policies, and before them one that adds up what goes to each payee in a day.
LIMIT = 'total("args.amount", ["action", "args.to"], 24) + double(args.amount) > 5000.0'


def run() -> dict[str, Any]:
    """Seconds for the demo's policies, the same with a running total, and for the rows alone."""
    past.make(NUMBER, days=DAYS - 1)
    demo.seed()
    plain = policy.in_force()
    values = {"name": "Much", "position": 1, "action": "transfer_money", "condition": LIMIT, "risk": "high"}
    rulebook.save(drafts.new(values, {"reviewers": 2}), actor=None, source="file")
    seconds = _seconds(lambda: backtest.run(plain, days=DAYS))
    floor = _seconds(_read)
    return {
        "tickets": NUMBER,
        "policies": len(plain),
        "seconds": seconds,
        "with_running_total_seconds": _seconds(lambda: backtest.run(policy.in_force(), days=DAYS)),
        "reading_alone_seconds": floor,
        "ratio": round(seconds / floor, 1),
    }


def _read() -> Sequence[Any]:
    return [json.loads(row.proposed) for row in backtest._stream(0.0)]


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return round(time.perf_counter() - began, 2)
