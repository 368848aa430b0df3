"""One chain per ticket: `hash = SHA-256(0x00 ‖ prev ‖ body)` over canonical bytes that are kept as they are.

`append` is the only writer. The ticket's row lock already serialises the writers of its chain, so its end is
read once under that lock and carried on from there; entries about no ticket share a stream under a
transaction's advisory lock. The database refuses a second entry in the same place.

What may speak of people stands beside the chain, as a payload that can be erased; the body holds its salted hash.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from approvals import digests, live, redaction
from approvals.audit import acting
from approvals.models import AuditEntry, ChainHead, Ticket

GENESIS = bytes(32)
#: 1 had no payload and no `method`, and told less of the ticket; 2 named the person and not the account. Such entries
#: stay as they were written.
VERSION = 3
#: Facts that may speak of people.
PERSONAL = frozenset({"args", "message", "error", "terms", "card"})

_HEAD = """
SELECT clock_timestamp(), head.seq, head.hash
FROM (VALUES (1)) AS always LEFT JOIN LATERAL (
    SELECT seq, hash FROM approvals_auditentry WHERE stream = %s ORDER BY seq DESC LIMIT 1
) AS head ON true
"""
#: The entry and its payload in one statement: the record costs no journey to the database more.
_WRITE = """
WITH entry AS (
    INSERT INTO approvals_auditentry (ticket_id, stream, seq, type, actor_id, actor_name, at, body, prev, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
), payload AS (
    INSERT INTO approvals_payload (entry_id, salt, body)
    SELECT id, %s::bytea, %s::bytea FROM entry WHERE %s::boolean
)
SELECT id FROM entry
"""


def append(
    type: str, *, ticket: Ticket | None = None, stream: str = "", actor: User | None = None, **facts: Any
) -> int:
    """Write one entry and announce it after commit; its id. The caller holds the ticket's row lock.

    `facts` are JSON values; they are what an auditor needs beside the ticket's state, revision and digest.
    """
    stream = f"ticket/{ticket.pk}" if ticket else stream
    if not ticket:
        _lock(stream)
    last = (ticket and ticket.chain) or _head(stream)
    payload, salt = _payload(facts), secrets.token_bytes(16)
    body = digests.canonical(
        {
            "v": VERSION,
            "stream": stream,
            "seq": last.seq + 1,
            "prev": last.hash.hex(),
            "type": type,
            "actor": actor.get_username() if actor else None,
            "actor_id": actor.pk if actor else None,
            "method": acting.method() if actor else acting.SYSTEM,
            "at": last.at.isoformat(),
            "ticket": _shown(ticket),
            "facts": {name: _told(value) for name, value in facts.items() if name not in PERSONAL},
            "payload": digests.of_payload(salt=salt, body=payload) if payload else None,
        }
    )
    made = ChainHead(at=last.at, seq=last.seq + 1, hash=digests.of_entry(prev=last.hash, body=body))
    who = (actor.pk, actor.get_username()) if actor else (None, "")
    chained = (ticket and ticket.pk, stream, made.seq, type, *who, made.at, body, last.hash, made.hash)
    entry_id = _write(*chained, salt, payload, bool(payload))
    if ticket:
        ticket.chain = made
    live.announce([entry_id])
    return entry_id


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


def _payload(facts: dict[str, Any]) -> bytes:
    personal = {name: value for name, value in facts.items() if name in PERSONAL and value not in ("", None)}
    return digests.canonical(_without_secrets(personal)) if personal else b""


def _told(value: Any) -> Any:
    """What somebody typed may hold a secret; the names of these facts are ours and say nothing of what they hold."""
    return redaction.text(value, also=settings.COUNTERSIGN_SECRET_FIELDS) if isinstance(value, str) else value


def _without_secrets(facts: dict[str, Any]) -> Any:
    return redaction.redacted(facts, also=settings.COUNTERSIGN_SECRET_FIELDS)


def _write(*values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        return int(cursor.fetchone()[0])


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
        "action": _told(ticket.action),
        "state": ticket.state,
        "outcome": ticket.outcome,
        "execution": ticket.execution,
        "revision": ticket.revision,
        "digest": ticket.digest,
        "policy": ticket.policy_name,
        "policy_version": ticket.policy_version,
    }
