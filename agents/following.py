"""Following a run from a terminal: look now and then, and tell a view what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from django.db import InterfaceError, OperationalError, connection

from agents import history
from agents.history import Step
from agents.models import Run
from approvals.models import Ticket

#: A step is announced to nobody, so only a look finds it; each is a handful of small indexed queries.
LOOK_SECONDS = 0.25
MOST_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Look:
    """A run at one moment."""

    run: Run
    #: The steps since the last look, oldest first.
    steps: list[Step]
    tickets: list[Ticket]


class View(Protocol):
    """Whoever shows a run to a person."""

    def show(self, look: Look) -> None:
        """Bring what is shown up to this moment."""


class Follower:
    """One run and how far it has been told. Used by one thread at a time."""

    def __init__(self, thread_id: str, *, view: View) -> None:
        self.thread_id = thread_id
        self.view = view
        newest = history.steps(thread_id, limit=1)
        self.after = newest[0].checkpoint_id if newest else ""

    def look(self) -> Run | None:
        """Show what is new; None while there is no such run, or no database for a moment."""
        try:
            return self._look()
        except (OperationalError, InterfaceError):
            # A database that restarts must not end somebody's wait of hours.
            connection.close()
            return None

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Look from another thread while this one drives the graph."""
        stop = threading.Event()
        looking = threading.Thread(target=self._look_until, args=(stop,), name="following", daemon=True)
        looking.start()
        try:
            yield
        finally:
            stop.set()
            looking.join()

    def until_over(self, *, seconds: float) -> None:
        """Look until the run is over, or for that many seconds; 0 waits for ever."""
        deadline = time.monotonic() + seconds if seconds else float("inf")
        while True:
            run = self.look()
            left = deadline - time.monotonic()
            if left <= 0 or (run is not None and run.standing.is_over):
                return
            time.sleep(min(LOOK_SECONDS, left))

    def _look(self) -> Run | None:
        run = Run.objects.told().filter(thread_id=self.thread_id).first()
        if run is None:
            return None
        steps = history.steps(self.thread_id, limit=MOST_STEPS, after=self.after)[::-1]
        tickets = list(Ticket.objects.filter(thread_id=self.thread_id).order_by("id").for_list())
        self.view.show(Look(run=run, steps=steps, tickets=tickets))
        if steps:
            self.after = steps[-1].checkpoint_id
        return run

    def _look_until(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(LOOK_SECONDS):
                self.look()
        finally:
            connection.close()
