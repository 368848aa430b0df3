"""The checker must find what is wrong: here is one history for each promise, broken."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.history import Facts, History, check

THREAD = "run-1"
ARGS = {"amount": 5, "to": "bob"}
ALICE, BOB, DAVE = 1, 2, 9


def entry(seq: int, type: str, prev: bytes) -> dict[str, Any]:
    body = type.encode()
    hash = hashlib.sha256(b"\0" + prev + body).digest()
    return {"stream": "ticket/7", "seq": seq, "type": type, "prev": prev, "body": body, "hash": hash}


def record(*types: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for seq, type in enumerate(types, start=1):
        entries.append(entry(seq, type, entries[-1]["hash"] if entries else bytes(32)))
    return entries


def vote(reviewer: int, name: str, **fields: Any) -> dict[str, Any]:
    known = {"ticket_id": 7, "revision": 1, "digest": "d", "type": "approve", "withdrawn_at": None, "is_active": True}
    return {**known, "reviewer_id": reviewer, "username": name, **fields}


def told(*words: tuple[str, str]) -> History:
    history = History()
    for person, what in words:
        history.close(history.invoke(person, what, ticket=7), "ok", "302")
    return history


SIGNED = told(("alice", "approve"), ("bob", "approve"))
WELL = Facts(
    tickets=[
        {"id": 7, "thread_id": THREAD, "requester_id": DAVE, "execution": "succeeded", "delivered_at": "now"},
    ],
    revisions=[{"ticket_id": 7, "number": 1, "args": {**ARGS, "mode": "ok"}, "digest": "d"}],
    decisions=[vote(ALICE, "alice"), vote(BOB, "bob")],
    entries=record("ticket.opened", "decision.recorded", "decision.recorded", "ticket.approved"),
    members={ALICE, BOB, DAVE},
    effects=[{"thread": THREAD, "key": "k", "args": ARGS}],
)


def test_a_history_in_which_all_is_well_is_well() -> None:
    assert check(SIGNED, WELL) == []


def test_a_word_that_nobody_answered_need_not_be_there() -> None:
    history = told(("alice", "approve"), ("bob", "approve"))
    history.close(history.invoke("bob", "reject", ticket=7), "info", "read timeout")
    assert check(history, WELL) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"effects": WELL.effects * 2}, "happened 2 times"),
        (
            {"effects": [{"thread": THREAD, "key": "k", "args": {"amount": 6, "to": "bob"}}]},
            "without enough signatures",
        ),
        ({"decisions": [vote(ALICE, "alice"), vote(BOB, "bob", withdrawn_at="then")]}, "without enough signatures"),
        ({"decisions": [vote(ALICE, "alice"), vote(BOB, "bob", digest="e")]}, "without enough signatures"),
        ({"decisions": [vote(ALICE, "alice"), vote(ALICE, "bob")]}, "without enough signatures"),
        ({"decisions": [vote(ALICE, "alice"), vote(DAVE, "bob")]}, "without enough signatures"),
        ({"members": {ALICE, DAVE}}, "without enough signatures"),
        ({"decisions": [vote(ALICE, "alice")]}, "bob was told that “approve” on ticket 7 is recorded"),
        ({"entries": record("ticket.approved", "decision.recorded")}, "recorded on ticket/7 after its end"),
        (
            {"tickets": [{**WELL.tickets[0], "execution": "unknown", "delivered_at": None}]},
            "in doubt and was never claimed",
        ),
        ({"entries": WELL.entries[1:]}, "broken at 2"),
        ({"entries": [*WELL.entries[:3], {**WELL.entries[3], "body": b"ticket.rejected"}]}, "broken at 4"),
    ],
)
def test_a_broken_promise_is_found(wrong: dict[str, Any], sentence: str) -> None:
    assert sentence in "\n".join(check(SIGNED, replace(WELL, **wrong)))


def test_a_recall_lets_people_speak_again() -> None:
    again = record("ticket.approved", "ticket.recalled", "decision.recorded")
    assert check(SIGNED, replace(WELL, entries=again)) == []
