"""One chain per ticket: `hash = SHA-256(0x00 ‖ prev ‖ body)` over canonical bytes that are kept as they are.

`append` is the only writer. The ticket's row lock already serialises the writers of its chain; entries
about no ticket share a stream under a transaction's advisory lock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from approvals import digests, live
from approvals.models import AuditEntry, Ticket

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
    at, seq, prev = _head(stream)
    body = digests.canonical(
        {
            "v": 1,
            "stream": stream,
            "seq": seq,
            "prev": prev.hex(),
            "type": type,
            "actor": actor.get_username() if actor else None,
            "at": at.isoformat(),
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
        at=at,
        body=body,
        prev=prev,
        hash=digests.of_entry(prev=prev, body=body),
    )
    live.announce([entry.pk])
    return entry


def verify_stream(stream: str) -> AuditEntry | None:
    """The first entry of a stream that does not follow from the ones before it; None when all do."""
    prev = GENESIS
    for seq, entry in enumerate(AuditEntry.objects.filter(stream=stream).order_by("seq"), start=1):
        intact = entry.seq == seq and bytes(entry.prev) == prev
        if not intact or digests.of_entry(prev=prev, body=bytes(entry.body)) != bytes(entry.hash):
            return entry
        prev = bytes(entry.hash)
    return None


def _head(stream: str) -> tuple[datetime, int, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_HEAD, [stream])
        at, seq, prev = cursor.fetchone()
    return at.astimezone(UTC), (seq or 0) + 1, bytes(prev) if prev else GENESIS


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
