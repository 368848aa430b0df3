"""One chain per ticket: `hash = SHA-256(0x00 ‖ prev ‖ body)` over canonical bytes that are kept as they are.

`append` is the only writer. The ticket's row lock already serialises the writers of its chain, so its end is
read once under that lock and carried on from there; entries about no ticket share a stream under a
transaction's advisory lock. The database refuses a second entry in the same place.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from approvals import digests, live
from approvals.models import AuditEntry, ChainHead, Ticket

GENESIS = bytes(32)

_HEAD = """
SELECT clock_timestamp(), head.seq, head.hash
FROM (VALUES (1)) AS always LEFT JOIN LATERAL (
    SELECT seq, hash FROM approvals_auditentry WHERE stream = %s ORDER BY seq DESC LIMIT 1
) AS head ON true
"""


def append(
    type: str, *, ticket: Ticket | None = None, stream: str = "", actor: User | None = None, **facts: Any
) -> AuditEntry:
    """Write one entry and announce it after commit. The caller holds the ticket's row lock.

    `facts` are JSON values; they are what an auditor needs beside the ticket's state, revision and digest.
    """
    stream = f"ticket/{ticket.pk}" if ticket else stream
    if not ticket:
        _lock(stream)
    last = (ticket and ticket.chain) or _head(stream)
    seq = last.seq + 1
    body = digests.canonical(
        {
            "v": 1,
            "stream": stream,
            "seq": seq,
            "prev": last.hash.hex(),
            "type": type,
            "actor": actor.get_username() if actor else None,
            "at": last.at.isoformat(),
            "ticket": _shown(ticket),
            "facts": facts,
        }
    )
    entry = AuditEntry.objects.create(
        ticket=ticket,
        stream=stream,
        seq=seq,
        type=type,
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        at=last.at,
        body=body,
        prev=last.hash,
        hash=digests.of_entry(prev=last.hash, body=body),
    )
    if ticket:
        ticket.chain = ChainHead(at=last.at, seq=seq, hash=bytes(entry.hash))
    live.announce([entry.pk])
    return entry


def begin(ticket: Ticket, *, at: datetime) -> None:
    """Nobody else knows of this ticket yet: its chain is empty."""
    ticket.chain = ChainHead(at=at.astimezone(UTC), seq=0, hash=GENESIS)


def follow(ticket: Ticket) -> datetime:
    """Read where the ticket's chain ends, and the database's clock. The caller holds the row lock."""
    ticket.chain = _head(f"ticket/{ticket.pk}")
    return ticket.chain.at


def verify_stream(stream: str) -> AuditEntry | None:
    """The first entry of a stream that does not follow from the ones before it; None when all do."""
    prev = GENESIS
    for seq, entry in enumerate(AuditEntry.objects.filter(stream=stream).order_by("seq"), start=1):
        intact = entry.seq == seq and bytes(entry.prev) == prev
        if not intact or digests.of_entry(prev=prev, body=bytes(entry.body)) != bytes(entry.hash):
            return entry
        prev = bytes(entry.hash)
    return None


def _head(stream: str) -> ChainHead:
    with connection.cursor() as cursor:
        cursor.execute(_HEAD, [stream])
        at, seq, last = cursor.fetchone()
    return ChainHead(at=at.astimezone(UTC), seq=seq or 0, hash=bytes(last) if last else GENESIS)


def _lock(stream: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [stream])


def _shown(ticket: Ticket | None) -> dict[str, Any] | None:
    if ticket is None:
        return None
    return {
        "id": ticket.pk,
        "action": ticket.action,
        "state": ticket.state,
        "revision": ticket.revision,
        "digest": ticket.digest,
        "policy": ticket.policy_name,
        "policy_version": ticket.policy_version,
    }
