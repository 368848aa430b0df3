"""A signed note that somebody had the whole of an action before them, and when. Not kept anywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils import timezone

from approvals import digests
from approvals.models import Ticket

LASTS = timedelta(hours=12)
_signer = signing.TimestampSigner(salt="approvals.looks")


def note(ticket: Ticket, args: dict[str, Any], *, reader_id: int, is_second: bool = False, before: str = "") -> str:
    """The note that goes with the page; a note `before` about the same stays, since its reader has looked on."""
    seconds, was_second = since(before, ticket, args, reader_id=reader_id)
    if seconds is not None and (was_second or not is_second):
        return before
    return _signer.sign(_about(ticket, args, reader_id, is_second=is_second))


def since(note: str, ticket: Ticket, args: dict[str, Any], *, reader_id: int) -> tuple[float | None, bool]:
    """How many seconds ago it was shown, and whether for a second time; None where the note is not about this."""
    try:
        about = _signer.unsign(note, max_age=LASTS)
    except signing.BadSignature:
        return None, False
    for is_second in (False, True):
        if about == _about(ticket, args, reader_id, is_second=is_second):
            return _age(note), is_second
    return None, False


def _about(ticket: Ticket, args: dict[str, Any], reader_id: int, *, is_second: bool) -> str:
    shown = digests.of_action(graph=ticket.graph, action=ticket.action, args=args)
    return f"{ticket.pk}.{ticket.digest}.{shown}.{reader_id}.{int(is_second)}"


def _age(note: str) -> float:
    signed_at = signing.b62_decode(note.rsplit(":", 2)[1])
    return timezone.now().timestamp() - signed_at
