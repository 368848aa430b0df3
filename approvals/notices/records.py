"""What the record keeps of notices: that one was given up, and that somebody has it sent again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User

from approvals import audit
from approvals.models import Notice

STREAM = "system/notices"


def given_up(notices: Iterable[Notice], *, why: str) -> None:
    """No try of these is left, or it is not known whether they arrived. Inside the transaction that says so."""
    for notice in notices:
        audit.append("notice.given_up", stream=STREAM, error=why, **_told(notice))


def sent_again(notices: Iterable[Notice], *, actor: User | None) -> None:
    """Somebody has these sent once more. Inside the transaction that makes them due."""
    for notice in notices:
        audit.append("notice.sent_again", stream=STREAM, actor=actor, **_told(notice))


def _told(notice: Notice) -> dict[str, Any]:
    """Whom it was for, and no address."""
    return {
        "notice": notice.pk,
        "kind": notice.kind,
        "about_ticket": notice.ticket_id,
        "channel": notice.channel.name if notice.channel else "",
        "of": notice.person.get_username() if notice.person else "",
        "attempts": notice.attempts,
    }
