"""A remote agent asks over HTTP with a key of its own, and the web process dies under it."""

from __future__ import annotations

import uuid
from functools import partial

import httpx

from tests.faults import wires
from tests.faults.cells import CELLS, Cell, cell
from tests.faults.lanes import Lane

ASKED = {"action": "pay", "args": {"amount": 5, "to": "bob", "mode": "ok"}}


def kill_web(lane: Lane, *, place: str) -> None:
    """Killed before the commit, nothing is there; asked again under the same key, it is there once."""
    secret, key = _token(lane), str(uuid.uuid4())
    assert lane.web
    lane.web.kill()
    web = lane.serve(f"{place}=kill")
    assert _ask(lane, secret, key) is None
    web.until_ended()
    assert _asked(lane) == []
    lane.serve()
    first = _ask(lane, secret, key)
    assert first is not None and first.status_code == 201, first
    _check_repeats(lane, secret, key, first.json()["id"])


@cell("m1", "the answer to the commit of a remote agent's ticket lost")
def answer_lost(lane: Lane) -> None:
    secret, key = _token(lane), str(uuid.uuid4())
    with wires.web_on_a_wire(lane) as wire:
        wire.arm(b'INSERT INTO "approvals_ticket"')
        lost = _ask(lane, secret, key)
        assert lost is not None and lost.status_code >= 500
        assert wire.cuts == 1, "the wire was not cut"
        (known,) = _asked(lane)
        _check_repeats(lane, secret, key, known)


def _check_repeats(lane: Lane, secret: str, key: str, known: int) -> None:
    """The key stands for this ticket and for no other request."""
    again = _ask(lane, secret, key)
    assert again is not None
    assert (again.status_code, again.json()["id"], _asked(lane)) == (200, known, [known])
    other = _ask(lane, secret, key, {**ASKED, "args": {"amount": 6}})
    assert other is not None and other.status_code == 422, "the key was taken for another request"
    first = "SELECT type FROM approvals_auditentry WHERE ticket_id = %s AND seq = 1"
    assert lane.rows(first, known) == [{"type": "ticket.opened"}]


def _token(lane: Lane) -> str:
    making = lane.start("create_token", "dave", "--scope", "request")
    making.until_ended()
    return making.said(1).strip()


def _asked(lane: Lane) -> list[int]:
    """The remote agent's tickets that wait."""
    waiting = "SELECT id FROM approvals_ticket WHERE interrupt_id = '' AND state = 'pending' ORDER BY id"
    return [row["id"] for row in lane.rows(waiting)]


def _ask(lane: Lane, secret: str, key: str, body: object = ASKED) -> httpx.Response | None:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
    try:
        return httpx.post(f"http://127.0.0.1:{lane.port}/api/v1/tickets", json=body, headers=headers, timeout=20)
    except httpx.TransportError:
        return None


for place in ("ticket_written", "ticket_opened"):
    act = partial(kill_web, place=place)
    CELLS.append(Cell(moment="m1", fault=f"SIGKILL web at {place}, for a remote agent", act=act))
