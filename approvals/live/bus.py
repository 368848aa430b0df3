"""Tell every process that audit entries were committed.

Postgres is the bus. The NOTIFY is its own tiny transaction, sent after the one it tells about:
inside it, the notify lock would be held over the flush and all writers would queue behind one
disk. A notify that is lost costs nothing but time, because every hub also polls.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction

CHANNEL = "countersign_audit"
MAX_PAYLOAD = 7_900  # Postgres refuses 8,000 bytes and more

logger = logging.getLogger(__name__)


class _Notice:
    """The ids one transaction announces, sent together once it has committed."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    def __call__(self) -> None:
        """Send; a failure is only logged, the fact is stored and the poll will find it."""
        try:
            with connection.cursor() as cursor:
                for payload in payloads(self.ids):
                    cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
        except Exception:
            logger.warning("notify_failed", exc_info=True, extra={"entries": len(self.ids)})


def announce(entry_ids: Sequence[int]) -> None:
    """Tell the hubs about these audit entries once the current transaction has committed."""
    if not entry_ids:
        return
    notice = _waiting_notice()
    if notice is None:
        notice = _Notice()
        notice.ids.extend(entry_ids)
        transaction.on_commit(notice, robust=True)
    else:
        notice.ids.extend(entry_ids)


def payloads(ids: Sequence[int]) -> Iterator[str]:
    """The ids as comma separated lists, each short enough for one NOTIFY."""
    payload = ""
    for word in map(str, ids):
        if payload and len(payload) + 1 + len(word) > MAX_PAYLOAD:
            yield payload
            payload = ""
        payload = f"{payload},{word}" if payload else word
    if payload:
        yield payload


def ids_in(payload: str) -> list[int]:
    """The ids of one NOTIFY; whatever else is said on the channel is ignored."""
    return [int(word) for word in payload.split(",") if word.isascii() and word.isdigit()]


def _waiting_notice() -> Any | None:
    """The notice already waiting for this commit, unless a savepoint may still take it away.

    Ids added to it and then rolled back to a savepoint are announced for nothing: no hub finds
    such an entry, so nobody is told.
    """
    here = set(connection.savepoint_ids)
    waiting: list[tuple[set[str], Any, bool]] = connection.run_on_commit  # type: ignore[assignment]  # stubs lag
    for savepoints, hook, _robust in waiting:
        if isinstance(hook, _Notice) and savepoints <= here:
            return hook
    return None
