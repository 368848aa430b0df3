"""Commits that are done and whose answer never comes, and a server that takes no more connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.hands import until
from tests.faults.lanes import SIGNERS, Asked, Lane
from tests.faults.proxy import Wire

#: The ledger's claim is one statement and its own transaction.
CLAIM, CLAIMED = b"UPDATE agents_effect SET state = 'started'", b"UPDATE 1"
VOTES = "SELECT reviewer_id FROM approvals_decision WHERE ticket_id = %s"


@contextlib.contextmanager
def wired(lane: Lane) -> Iterator[Wire]:
    """Processes that are started in this block reach the database over a wire."""
    wire = Wire(lane.data_dir / f"wire{len(lane.hands)}", lane.server.folder)
    lane.host = str(wire.folder)
    try:
        yield wire
    finally:
        lane.host = ""
        wire.close()


@contextlib.contextmanager
def web_on_a_wire(lane: Lane) -> Iterator[Wire]:
    """The lane's web process behind a wire; afterwards it has the database itself again."""
    assert lane.web
    lane.web.kill()
    with wired(lane) as wire:
        web = lane.serve()
        yield wire
    web.kill()
    lane.serve()


def vote_over_a_cut_wire(lane: Lane, *, vote: int) -> Asked:
    """The commit is done and the answer is lost: the person hears of an outage, and finds the word taken."""
    asked = lane.ask()
    for person in SIGNERS[: vote - 1]:
        assert lane.decide(person, asked) == 302
    person = SIGNERS[vote - 1]
    with web_on_a_wire(lane) as wire:
        wire.arm(b'INSERT INTO "approvals_decision"')
        assert lane.decide(person, asked) == 503
        assert wire.cuts == 1, "the wire was not cut"
        assert len(lane.rows(VOTES, asked.ticket)) == vote
        assert lane.decide(person, asked) == 409
        assert len(lane.rows(VOTES, asked.ticket)) == vote
    return asked


@cell("m2", "the answer to the commit of a vote lost")
def vote(lane: Lane) -> None:
    asked = vote_over_a_cut_wire(lane, vote=1)
    assert lane.decide("bob", asked) == 302
    lane.worker()
    outcomes.once(lane, asked)


@cell("m3", "the answer to the commit of the release lost")
def release(lane: Lane) -> None:
    asked = vote_over_a_cut_wire(lane, vote=2)
    lane.worker()
    outcomes.once(lane, asked)


def worker_over_a_cut_wire(lane: Lane, *, entry: bytes) -> None:
    """The worker's commit with this entry is done and it does not hear so; nobody needs to be asked."""
    asked = lane.ask()
    with wired(lane) as wire:
        wire.arm(entry)
        lane.worker()
        lane.approve(asked)
        outcomes.once(lane, asked)
        assert wire.cuts == 1, "the wire was not cut"


@cell("m5", "the answer to the commit of the claim lost")
def claim(lane: Lane) -> None:
    worker_over_a_cut_wire(lane, entry=b"ticket.delivered")


@cell("m6", "the answer to the ledger's claim lost")
def ledger_claim(lane: Lane) -> None:
    """The claim is looked for, found, and the tool is called: nobody needs to be asked."""
    asked = lane.ask()
    with wired(lane) as wire:
        wire.arm(CLAIM, answer=CLAIMED)
        lane.worker()
        lane.approve(asked)
        outcomes.once(lane, asked)
        assert wire.cuts == 1, "the wire was not cut"


@cell("m6", "the answer to the ledger's claim lost, and nothing to be read afterwards")
def ledger_claim_unreadable(lane: Lane) -> None:
    """Whoever cannot know whether it has the claim does not call the tool."""
    asked = lane.ask()
    with wired(lane) as wire:
        wire.arm(CLAIM, answer=CLAIMED, is_for_good=True)
        blind = lane.worker()
        lane.approve(asked)
        until(lambda: wire.cuts, seconds=40, what="the cut of the wire")
    lane.worker()
    outcomes.in_doubt(lane, asked, effects=0)
    blind.kill()
    assert lane.effects(asked.thread) == []


@cell("m8", "the answer to the commit of the tool's result lost")
def result(lane: Lane) -> None:
    worker_over_a_cut_wire(lane, entry=b"execution.succeeded")


@cell("m2", "no connection left for anybody", shakes=True)
def full(lane: Lane) -> None:
    asked = lane.ask()
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        _take_all(lane, held)
        assert lane.decide("alice", asked) == 503
        assert held[0].execute(VOTES, [asked.ticket]).fetchall() == []
    finally:
        for connection in held:
            connection.close()
    until(lane.answers, seconds=20, what="an answer once there was room again")
    lane.approve(asked)
    lane.worker()
    outcomes.once(lane, asked)


def _take_all(lane: Lane, held: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    """Every connection there is, those that the web process had among them."""
    address = lane.server.address(lane.name)
    held.append(psycopg.connect(address, autocommit=True))
    held[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid()"
    )
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            held.append(psycopg.connect(address, autocommit=True))
