"""Which of several calls that look the same one is, so that each approval goes to one call and stays with it.

A call that has no id of the model's is known by its action and its arguments alone. What tells a repeat of it from
the next one like it is where it is made: the task of the graph, which keeps its id when its node is entered again,
and how many calls like it this execution of the node has made before. So the second payment of a node is its second
one again after a crash, after a question of its own, and when LangGraph retries it. Of calls that are made at once
any may be the first: they are the same, so it does not matter which.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

#: Where a run's config carries the count; the underscores keep it out of checkpoints.
CALLS = "__countersign_calls"
# LangGraph's own, for lack of public ones: a test fails where they are called otherwise.
TASK, EXECUTION, RUNTIME = "__pregel_task_id", "__pregel_scratchpad", "__pregel_runtime"
END = "/"
LENGTH = 400


class Calls:
    """How many calls of each kind every execution of a node has made. One for each worker's turn at a run."""

    def __init__(self) -> None:
        self._made: Counter[tuple[object, ...]] = Counter()
        self._executions: dict[int, object] = {}
        self._lock = threading.Lock()

    def nth(self, told: Mapping[str, Any], *kind: str) -> int:
        """Which call of its kind in its execution this is, from 1. To ask is to make it."""
        execution = told.get(EXECUTION)
        attempt = getattr(getattr(told.get(RUNTIME), "execution_info", None), "node_attempt", 1)
        with self._lock:
            self._executions[id(execution)] = execution  # kept, so that no other object gets its id
            made = (id(execution), attempt, *kind)
            self._made[made] += 1
            return self._made[made]


def of(told: Mapping[str, Any], *, call_id: str, digest: str) -> tuple[str, str]:
    """The task that makes this call, and the place of the call in it; empty outside of any."""
    calls, task = told.get(CALLS), str(told.get(TASK) or "")
    if calls is None or not task:
        return "", ""
    nth = calls.nth(told, task, call_id, digest)
    return task, f"{task}{END}{nth}{END}{digest[:16]}{END}{call_id}"[:LENGTH]
