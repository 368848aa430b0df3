"""Breaks things at random, in a way that a seed repeats as far as processes can be repeated."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections import Counter

import psycopg

from approvals.failpoints import Point
from tests.faults.hands import Hand
from tests.faults.lanes import LISTENING, Lane

#: Where a worker comes by; the others are passed by the web process or by nobody yet.
PLACES = tuple(
    place
    for place in Point
    if place not in {Point.VOTE_WRITTEN, Point.VOTE_COMMITTED, Point.QUORUM_WRITTEN, Point.QUORUM_ENQUEUED}
    and not place.startswith(("reconcile", "seal"))
)
AGAIN = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status)
SELECT queue_name, task_name, NULL, args, 'todo' FROM (
  SELECT DISTINCT queue_name, task_name, args FROM procrastinate_jobs WHERE task_name LIKE 'agents.%%'
  UNION SELECT 'resume', 'agents.resume', jsonb_build_object('thread_id', thread_id, 'ticket_id', id)
  FROM approvals_ticket WHERE interrupt_id <> '' AND thread_id = ANY(%s)
) AS known CROSS JOIN generate_series(1, 3) ORDER BY random()
"""


class Nemesis:
    """What goes wrong in one lane. Workers that die are started again, as `up` would."""

    def __init__(self, lane: Lane, order: random.Random, *, workers: int = 2) -> None:
        self.lane, self.order = lane, order
        self.did: Counter[str] = Counter()
        #: Who is to be woken, and when.
        self.asleep: list[tuple[float, Hand]] = []
        self.workers = [self._new() for _ in range(workers)]

    def strike(self) -> None:
        """One thing goes wrong."""
        acts = [self.kill_worker, self.stop_worker, self.cut_listen, self.cut_everything, self.deliver_again]
        acts += [self.kill_web]
        if self.lane.server is not self.lane.stage.steady:
            acts += [self.restart_postgres] * 2
        act = self.order.choice(acts)
        self.did[act.__name__] += 1
        with contextlib.suppress(psycopg.OperationalError):
            act()

    def tend(self) -> None:
        """Start what has died, wake what has slept long enough."""
        self.workers = [worker if worker.is_alive else self._new() for worker in self.workers]
        for waking in [entry for entry in self.asleep if entry[0] < time.monotonic()]:
            self.asleep.remove(waking)
            waking[1].send(signal.SIGCONT)
        if self.lane.web and not self.lane.web.is_alive:
            self.lane.serve()

    def heal(self) -> None:
        """From now on nothing goes wrong any more; failpoints that were not reached go with their workers."""
        self.asleep.clear()
        for worker in self.workers:
            worker.send(signal.SIGCONT)
            worker.end()
        self.workers = [self.lane.worker()]
        self.tend()

    def kill_worker(self) -> None:
        self.order.choice(self.workers).kill()

    def stop_worker(self) -> None:
        """For a moment, or for longer than its lease."""
        sleeper = self.order.choice(self.workers)
        sleeper.send(signal.SIGSTOP)
        self.asleep.append((time.monotonic() + self.order.choice([0.2, 1.0, 7.0]), sleeper))

    def cut_listen(self) -> None:
        for backend in self.lane.rows(LISTENING):
            self.lane.rows("SELECT pg_terminate_backend(%s)", backend["pid"])

    def cut_everything(self) -> None:
        self.lane.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def deliver_again(self) -> None:
        """Every job three times, shuffled, without the locks that keep them apart."""
        self.lane.rows(AGAIN, self.lane.threads)

    def kill_web(self) -> None:
        if self.lane.web:
            self.lane.web.kill()

    def restart_postgres(self) -> None:
        self.lane.server.end(self.order.choice([signal.SIGINT, signal.SIGKILL]))
        time.sleep(self.order.uniform(0, 2))
        self.lane.server.start()

    def _new(self) -> Hand:
        """A worker, in two of three cases with a trap somewhere on its way."""
        if self.order.random() < 0.34:
            return self.lane.worker()
        place, act = self.order.choice(PLACES), self.order.choice(["kill", "kill", "stop"])
        trap = f"{place}={act}@{self.order.randint(1, 4)}"
        self.did[f"{act} at {place}"] += 1
        worker = self.lane.worker(trap) if self.order.random() < 0.6 else self.lane.worker(then=trap)
        if act == "stop":
            # Nobody knows when it will stop itself; woken every now and then, it goes on.
            self.asleep += [(time.monotonic() + seconds, worker) for seconds in (9.0, 18.0)]
        return worker
