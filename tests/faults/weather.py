"""Postgres that is stopped, killed, full, or cut off in the middle of a word."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell, cell
from tests.faults.hands import until
from tests.faults.lanes import Lane, now
from tests.faults.watcher import Watcher

BACK_SECONDS = 15.0
#: Longer than a pool and a worker wait for a connection; by hand a minute, as people may have it.
AWAY_SECONDS = float(os.environ.get("FAULTS_AWAY_SECONDS", "8"))
#: Told to stop, a worker has ended after nine; the rest is for looking.
END_SECONDS = 9.5
SAYS_SO = "cannot reach its database"


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


def restart_unnoticed(lane: Lane, *, how: signal.Signals) -> None:
    """Nobody asked for anything meanwhile: no page is drawn over a connection from before."""
    together = 6
    with ThreadPoolExecutor(together) as people:
        assert set(people.map(lane.page, range(together))) == {200}
        lane.server.end(how)
        lane.server.start()
        assert set(people.map(lane.page, range(3 * together))) == {200}


@cell("m2", f"Postgres away for {AWAY_SECONDS:g} s, a worker waiting and a page open", shakes=True)
def away(lane: Lane) -> None:
    """Pages say that they come back, nobody does anything by hand, and what was acknowledged is there."""
    first, second = lane.ask(), lane.ask()
    worker = lane.listening_worker()
    lane.approve(first)
    outcomes.once(lane, first)
    assert lane.decide("alice", second) == 302
    with Watcher(lane.port, lane.browsers["alice"].cookies) as open_page:
        lane.server.end(signal.SIGINT)
        gone = now()
        while now() - gone < AWAY_SECONDS:
            answer = lane.browsers["alice"].get("/")
            assert (answer.status_code, SAYS_SO in answer.text) == (503, True)
            time.sleep(0.5)
        assert not open_page.is_live, "the page calls itself live, and nothing can reach it"
        lane.server.start()
        back = now()
        until(lane.answers, seconds=BACK_SECONDS, what="an answer after the database came back")
        lane.note("database_back_to_page", now() - back)
        assert lane.decide("bob", second) == 302
        open_page.until_told(second.ticket)
        lane.note("database_back_to_socket", now() - back)
        outcomes.once(lane, second)
    assert worker.is_alive, worker.said()


@cell("m4", "SIGTERM of a worker while Postgres is away", shakes=True)
def ended_while_away(lane: Lane) -> None:
    """It does not wait for the database to end; what it would have done the next one does."""
    asked = lane.ask()
    worker = lane.listening_worker()
    lane.server.end(signal.SIGINT)
    told = now()
    worker.send(signal.SIGTERM)
    worker.until_ended(seconds=10)
    lane.note("told_to_ended", now() - told)
    assert now() - told <= END_SECONDS
    lane.server.start()
    until(lane.answers, seconds=BACK_SECONDS, what="an answer after the database came back")
    lane.approve(asked)
    lane.worker()
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
    CELLS.append(Cell(moment="m2", fault=f"{name} unnoticed", act=partial(restart_unnoticed, how=how), shakes=True))
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
