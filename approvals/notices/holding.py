"""Until when a message is held back: quiet hours, and the pause between two messages. Escalations pass. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from approvals.states import NoticeKind

if TYPE_CHECKING:
    from approvals.models import NoticeChannel

URGENT = frozenset({NoticeKind.ESCALATED, NoticeKind.TEST})
#: No news any more once the ticket is closed.
WHILE_OPEN = frozenset({NoticeKind.OPENED, NoticeKind.ESCALATED, NoticeKind.EXPIRING, NoticeKind.STUCK})
#: Between two mails that nobody asked for.
PAUSE = timedelta(minutes=10)


def until(channel: NoticeChannel | None, *, now: datetime, last: datetime | None) -> datetime | None:
    """When the next message may go; None: now. `last`: when the one before went."""
    pause = timedelta(seconds=channel.window_seconds) if channel else PAUSE
    after_pause = last + pause if last and last + pause > now else now
    ends = _quiet_ends(channel, after_pause) if channel else None
    found = ends or after_pause
    return found if found > now else None


def _quiet_ends(channel: NoticeChannel, at: datetime) -> datetime | None:
    """When the quiet hours end in which this moment lies; None where it lies in none."""
    begins, ends = channel.quiet_from, channel.quiet_until
    if begins is None or ends is None or begins == ends:
        return None
    here = at.astimezone(ZoneInfo(channel.zone))
    clock = here.time()
    is_quiet = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    if not is_quiet:
        return None
    day = here.date() + timedelta(days=1 if clock >= ends else 0)
    return datetime.combine(day, ends, tzinfo=here.tzinfo)
