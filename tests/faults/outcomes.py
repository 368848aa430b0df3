"""What has to be so after a fault, whatever it was."""

from __future__ import annotations

from typing import Any

from tests.faults.hands import PATIENCE_SECONDS
from tests.faults.lanes import Asked, Lane


def once(lane: Lane, asked: Asked, *, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """The payment was made, once, the graph knows it, and nobody needed to be asked."""
    run = lane.until_run(asked.thread, "succeeded", "failed", seconds=seconds)
    ticket, effects = lane.ticket(asked.thread), lane.effects(asked.thread)
    seen = (run["status"], ticket["execution"], len(effects))
    assert seen == ("succeeded", "succeeded", 1), f"{seen}: {run['error']}"
    return run


def in_doubt(lane: Lane, asked: Asked, *, effects: int) -> None:
    """Nobody knows whether it was made, people are told so, and it is not made again by itself."""
    lane.until_execution(asked.thread, "unknown", "succeeded", "failed")
    seen = (lane.ticket(asked.thread)["execution"], len(lane.effects(asked.thread)))
    assert seen == ("unknown", effects), seen
    page = lane.browsers["alice"].get(f"/tickets/{asked.ticket}/").text
    assert "not known" in page.lower() or "unknown" in page.lower(), "the page does not say so"


def nothing(lane: Lane, asked: Asked, *, execution: str = "not_started", effects: int = 0) -> None:
    """It is known that nothing was paid."""
    seen = (lane.ticket(asked.thread)["execution"], len(lane.effects(asked.thread)))
    assert seen == (execution, effects), seen
