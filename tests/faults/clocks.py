"""Workers and web processes whose clock is wrong or jumps: only Postgres's counts."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.hands import Hand, until
from tests.faults.lanes import Lane, now


def wrong(lane: Lane, by: str) -> dict[str, str]:
    """The surroundings of a process whose clock is wrong by this; what `jump` writes later, it believes in a moment."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("there is no libfaketime on this machine (apt-get install faketime)")
    jump(lane, by)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(_file(lane)),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_RESET": "1",
        # What only ever grows is no clock: loops and waits go by it, and no operator can set it.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def jump(lane: Lane, by: str) -> None:
    """Set the clock of the lane's process that has a wrong one."""
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
    _until_enrolled(lane, lane.start("worker", **wrong(lane, "+0")))
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


@cell("m2–m3", "a web process whose clock is an hour ahead, then an hour behind")
def web(lane: Lane) -> None:
    """Whether a word is in time, a token lives, and what a page says of it: by the database's clock."""
    assert lane.web
    in_time, too_late = lane.ask(), lane.ask()
    lane.web.kill()
    web = lane.serve(seconds=150, **wrong(lane, "+61m"))
    assert _ahead(lane) > 3_600
    secret = token(lane, left="30 minutes")
    assert "in 59 min" in lane.browsers["alice"].get(f"/tickets/{in_time.ticket}/").text
    assert _asks(lane, secret) == 200
    assert lane.decide("alice", in_time) == 302
    jump(lane, "-61m")
    _by_time(lane, "UPDATE approvals_ticket SET deadline_at = now() - interval '1 s' WHERE id = %s", too_late.ticket)
    until(lambda: _ahead(lane) < -3_600, seconds=20, what="the jump")
    secret = token(lane, left="-1 second")
    assert _asks(lane, secret) == 401
    assert lane.decide("alice", too_late) == 409
    assert lane.decide("bob", in_time) == 302
    lane.worker()
    outcomes.once(lane, in_time)
    assert web.is_alive
    web.kill()
    lane.serve()


def token(lane: Lane, *, left: str) -> str:
    """Alice's, with so much of its life left by the database's clock."""
    making = lane.start("create_token", "alice", "--scope", "read")
    making.until_ended(seconds=40)
    expire = "UPDATE approvals_token SET expires_at = now() + %s::interval, created_at = now() - interval '1 day'"
    _by_time(lane, expire, left)
    return making.said(1).strip()


def _ahead(lane: Lane) -> float:
    """By how many seconds the web process's own clock is ahead, as its cookies tell."""
    said = httpx.get(f"http://127.0.0.1:{lane.port}/accounts/login/", timeout=20).headers["set-cookie"]
    cookie = SimpleCookie(said)["countersign_csrf"]
    return parsedate_to_datetime(cookie["expires"]).timestamp() - int(cookie["max-age"]) - now()


def _asks(lane: Lane, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"http://127.0.0.1:{lane.port}/api/v1/tickets", headers=headers, timeout=20).status_code


def _by_time(lane: Lane, change: str, *values: object) -> None:
    lane.rows("SET session_replication_role = replica")  # only time does that
    lane.rows(change, *values)
    lane.rows("RESET session_replication_role")
