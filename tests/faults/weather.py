"""Postgres that is stopped, killed, full, or cut off in the middle of a word."""

from __future__ import annotations

import signal
from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell
from tests.faults.hands import until
from tests.faults.lanes import Lane, now

BACK_SECONDS = 15.0


def restart_between_votes(lane: Lane, *, how: signal.Signals) -> None:
    """What was acknowledged is there afterwards; while it is away pages say so; nobody has to do anything."""
    asked = lane.ask()
    lane.listening_worker()
    assert lane.decide("alice", asked) == 302
    lane.server.end(how)
    assert lane.decide("bob", asked) == 503
    assert lane.browsers["alice"].get("/").status_code == 503
    lane.server.start()
    back = now()
    until(lane.answers, seconds=BACK_SECONDS, what="an answer after the database came back")
    lane.note("database_back_to_page", now() - back)
    assert lane.decide("bob", asked) == 302
    outcomes.once(lane, asked)


def restart_under_worker(lane: Lane, *, how: signal.Signals, place: str, armed_later: bool, doubt: bool) -> None:
    """The database goes and comes back while a worker stands at this place."""
    asked = lane.ask()
    order = f"{place}=stop"
    worker = lane.worker("" if armed_later else order, then=order if armed_later else "")
    lane.approve(asked)
    worker.until_stopped()
    lane.server.end(how)
    lane.server.start()
    worker.send(signal.SIGCONT)
    back = now()
    if doubt:
        lane.until_execution(asked.thread, "unknown", "succeeded")
        assert len(lane.effects(asked.thread)) == 1
    else:
        outcomes.once(lane, asked)
    lane.note("database_back_to_done", now() - back)


for how in (signal.SIGINT, signal.SIGKILL):
    name = {signal.SIGINT: "Postgres restarted (fast shutdown)", signal.SIGKILL: "Postgres killed"}[how]
    CELLS.append(
        Cell(moment="m2", fault=f"{name} between two votes", act=partial(restart_between_votes, how=how), shakes=True)
    )
    for moment, place, armed_later, doubt in (
        ("m4", "lease_taken", False, False),
        ("m5", "claim_written", False, False),
        ("m7", "during_effect", False, True),
        # What a tool came to is written down without waiting for the disk; the checkpoint behind it waits. A server
        # that is killed between the two forgets it, and one that is shut down does not.
        ("m10", "before_put", True, how is signal.SIGKILL),
    ):
        CELLS.append(
            Cell(
                moment=moment,
                fault=f"{name} at {place}",
                act=partial(restart_under_worker, how=how, place=place, armed_later=armed_later, doubt=doubt),
                shakes=True,
            )
        )
