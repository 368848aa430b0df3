"""What clients saw, op by op, and the checker that holds it against what the database and the file of effects say.

The checker shares no code with the product: it counts signatures, digests and hashes by itself.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

#: What ends a ticket's time with people, and what gives it back to them.
ENDS = {f"ticket.{state}" for state in ("approved", "rejected", "answered", "expired", "cancelled", "superseded")}
REOPENS = {"ticket.recalled", "ticket.reopened"}
NEEDED = 2


@dataclass(frozen=True, kw_only=True)
class Op:
    """One line of the history: `invoke`, then `ok`, `fail` (certainly not) or `info` (nobody knows)."""

    number: int
    type: str
    client: str
    what: str
    ticket: int
    at: float
    said: str = ""


@dataclass
class History:
    """Everything that clients of one lane have done, in order."""

    ops: list[Op] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def invoke(self, client: str, what: str, *, ticket: int) -> Op:
        """Somebody is about to do something."""
        return self._add("invoke", client=client, what=what, ticket=ticket, number=next(self._numbers))

    def close(self, op: Op, type: str, said: str = "") -> Op:
        """What came of it."""
        return self._add(type, client=op.client, what=op.what, ticket=op.ticket, number=op.number, said=said)

    def _add(self, type: str, **fields: Any) -> Op:
        op = Op(type=type, at=time.time(), **fields)
        with self._turn:
            self.ops.append(op)
        return op


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database holds about the tickets in question, and the effects that happened."""

    tickets: list[dict[str, Any]]
    revisions: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    members: set[int]
    effects: list[dict[str, Any]]


QUERIES = {
    "tickets": "SELECT * FROM approvals_ticket WHERE thread_id = ANY(%s) AND interrupt_id <> ''",
    "revisions": "SELECT r.* FROM approvals_revision r JOIN approvals_ticket t ON t.id = r.ticket_id "
    "WHERE t.thread_id = ANY(%s)",
    "decisions": "SELECT d.*, u.username, u.is_active FROM approvals_decision d JOIN auth_user u "
    "ON u.id = d.reviewer_id JOIN approvals_ticket t ON t.id = d.ticket_id WHERE t.thread_id = ANY(%s)",
    "entries": "SELECT e.* FROM approvals_auditentry e JOIN approvals_ticket t ON t.id = e.ticket_id "
    "WHERE t.thread_id = ANY(%s) ORDER BY e.stream, e.seq",
}
MEMBERS = "SELECT user_id FROM auth_user_groups m JOIN auth_group g ON g.id = m.group_id WHERE g.name = 'reviewers'"


def gather(address: str, threads: list[str], effects: Path) -> Facts:
    """Read all of it at one moment."""
    with psycopg.connect(address, row_factory=dict_row) as connection:
        rows = {name: connection.execute(query, [threads]).fetchall() for name, query in QUERIES.items()}
        members = {row["user_id"] for row in connection.execute(MEMBERS)}
    return Facts(**rows, members=members, effects=[e for e in read_effects(effects) if e["thread"] in threads])


def read_effects(file: Path) -> list[dict[str, Any]]:
    """What happened outside, in order."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def check(history: History, facts: Facts) -> list[str]:
    """Every promise that is broken, as a sentence; none when all is well."""
    return [
        *_run_twice(facts),
        *_unapproved(facts),
        *_lost_votes(history, facts),
        *_words_after_the_end(facts),
        *_doubt_without_a_claim(facts),
        *_broken_chains(facts),
    ]


def _run_twice(facts: Facts) -> Iterator[str]:
    keys = Counter((effect["thread"], effect["key"]) for effect in facts.effects)
    for (thread, key), times in keys.items():
        if times > 1:
            yield f"the effect {key or 'pay'} of {thread} happened {times} times"


def _unapproved(facts: Facts) -> Iterator[str]:
    for effect in facts.effects:
        mine = [ticket for ticket in facts.tickets if ticket["thread_id"] == effect["thread"]]
        if not any(_is_signed(ticket, effect, facts) for ticket in mine):
            yield f"{effect['thread']} ran {effect['args']} without enough signatures on exactly that"


def _is_signed(ticket: dict[str, Any], effect: dict[str, Any], facts: Facts) -> bool:
    shown = [r for r in facts.revisions if r["ticket_id"] == ticket["id"] and _same(r["args"], effect["args"])]
    return any(len(_signers(ticket, revision, facts)) >= NEEDED for revision in shown)


def _same(shown: dict[str, Any], ran: dict[str, Any]) -> bool:
    return {name: shown[name] for name in ran if name in shown} == ran


def _signers(ticket: dict[str, Any], revision: dict[str, Any], facts: Facts) -> set[int]:
    return {
        vote["reviewer_id"]
        for vote in facts.decisions
        if (vote["ticket_id"], vote["revision"], vote["digest"])
        == (ticket["id"], revision["number"], revision["digest"])
        and vote["type"] in {"approve", "edit"}
        and vote["withdrawn_at"] is None
        and vote["is_active"]
        and vote["reviewer_id"] in facts.members
        and vote["reviewer_id"] != ticket["requester_id"]
    }


def _lost_votes(history: History, facts: Facts) -> Iterator[str]:
    known = {(vote["username"], vote["ticket_id"], vote["type"]) for vote in facts.decisions}
    asked = {ticket["id"] for ticket in facts.tickets}
    for op in history.ops:
        if op.type == "ok" and op.ticket in asked and (op.client, op.ticket, op.what) not in known:
            yield f"{op.client} was told that “{op.what}” on ticket {op.ticket} is recorded, and it is not there"


def _words_after_the_end(facts: Facts) -> Iterator[str]:
    over: dict[str, bool] = {}
    for entry in facts.entries:
        if entry["type"] == "decision.recorded" and over.get(entry["stream"]):
            yield f"a decision was recorded on {entry['stream']} after its end"
        if entry["type"] in ENDS | REOPENS:
            over[entry["stream"]] = entry["type"] in ENDS


def _doubt_without_a_claim(facts: Facts) -> Iterator[str]:
    for ticket in facts.tickets:
        if ticket["execution"] == "unknown" and ticket["delivered_at"] is None:
            yield f"ticket {ticket['id']} is in doubt and was never claimed"


def _broken_chains(facts: Facts) -> Iterator[str]:
    ends: dict[str, tuple[int, bytes]] = {}
    for entry in facts.entries:
        seq, prev = ends.get(entry["stream"], (0, bytes(32)))
        hash = hashlib.sha256(b"\0" + bytes(entry["prev"]) + bytes(entry["body"])).digest()
        if (entry["seq"], bytes(entry["prev"]), bytes(entry["hash"])) != (seq + 1, prev, hash):
            yield f"the record of {entry['stream']} is broken at {entry['seq']}"
        ends[entry["stream"]] = (entry["seq"], bytes(entry["hash"]))
