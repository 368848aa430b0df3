"""People who sign whatever is put before them, and say so again until somebody takes their word."""

from __future__ import annotations

import queue
import random
import threading
import time

from tests.faults.lanes import Asked, Lane

#: Between two attempts of a person who was not answered.
AGAIN_SECONDS = 0.4


class Voter(threading.Thread):
    """One signer at a browser. Slow, sometimes twice, and seldom against it."""

    def __init__(self, lane: Lane, person: str, order: random.Random) -> None:
        super().__init__(name=person, daemon=True)
        self.lane, self.person, self.order = lane, person, order
        self.waiting: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        #: When each ticket took this person's word, by the clock that effects are noted with.
        self.told: dict[int, float] = {}

    def run(self) -> None:
        """Take one ticket after the other, until told to go home."""
        while (asked := self.waiting.get()) is not None:
            time.sleep(self.order.uniform(0, 0.3))
            type = "reject" if self.order.random() < 0.05 else "approve"
            self._insist(asked, type)
            if self.order.random() < 0.1:
                self.lane.decide(self.person, asked, type)  # a second click

    def go_home(self) -> None:
        """No more tickets."""
        self.waiting.put(None)
        self.join(60)

    def _insist(self, asked: Asked, type: str) -> None:
        for _ in range(100):
            status = self.lane.decide(self.person, asked, type)
            if status not in {0, 500, 502, 503}:
                self.told[asked.ticket] = time.time()
                return
            time.sleep(AGAIN_SECONDS)
