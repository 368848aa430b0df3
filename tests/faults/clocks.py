"""Workers whose clock is wrong or jumps: only Postgres's counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.hands import Hand, until
from tests.faults.lanes import Lane


def astray(lane: Lane, by: str) -> Hand:
    """A worker whose clock is wrong by this much; what `jump` writes later, it believes within a moment."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("there is no libfaketime on this machine (apt-get install faketime)")
    jump(lane, by)
    told = {"FAKETIME_TIMESTAMP_FILE": str(_file(lane)), "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_RESET": "1"}
    # What only ever grows is no clock: loops and waits go by it, and no operator can set it.
    return lane.start("worker", LD_PRELOAD=str(library), FAKETIME_DONT_FAKE_MONOTONIC="1", **told)


def jump(lane: Lane, by: str) -> None:
    """Set the clock of the lane's astray worker."""
    _file(lane).write_text(f"{by}\n")


def _file(lane: Lane) -> Path:
    return lane.data_dir / "clock"


def _until_enrolled(lane: Lane, worker: Hand) -> None:
    """Running the product's own imports under a wrong clock takes a while."""
    query = "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - interval '4 s'"
    until(lambda: lane.rows(query) or not worker.is_alive, seconds=150, what="the start of the worker")
    assert worker.is_alive, worker.said()


@cell("m4–m11", "a worker's clock that jumps by an hour, to and fro, while its tool runs past two leases")
def jumping(lane: Lane) -> None:
    asked = lane.ask("long")
    _until_enrolled(lane, astray(lane, "+0"))
    lane.worker()  # who would take the run if its lease seemed to be over
    lane.approve(asked)
    until(lambda: lane.effects(asked.thread), seconds=30, what="the effect")
    token = lane.run(asked.thread)["lease_token"]
    for by in ("+1h", "-1h"):
        jump(lane, by)
        until_renewed = "SELECT 1 FROM agents_run WHERE thread_id = %s AND lease_expires_at > now() + interval '2 s'"
        lane.until_rows(until_renewed, asked.thread)
    outcomes.once(lane, asked)
    assert lane.run(asked.thread)["lease_token"] == token, "another worker took the run"
