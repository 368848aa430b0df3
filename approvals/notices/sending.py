"""Notices that are due are claimed, sent, and noted: in this order, so that each is sent once or never.

What a service clearly refused is tried again, ever later. What it may have taken is not: somebody who dies in the
middle, or hears no answer, leaves a notice of which nobody knows, and that is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Now

from approvals import presence, vault
from approvals.models import Notice, NoticeChannel
from approvals.notices import holding, records, ways, words
from approvals.states import NoticeKind, NoticeState

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0
#: From one try to the next: eight tries in a day.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900, 3_600, 7_200, 21_600, 43_200))
#: Claimed and not heard of for so long: whoever sent it is gone.
LOST = timedelta(minutes=5)
LIMIT = 200

#: Channel and person; None where there is none.
Target = tuple[int | None, int | None]


class Sender:
    """Sends to several targets at once, and to each one message at a time. It remembers only whom it writes to."""

    def __init__(self, *, threads: int = 8) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="notices")
        self._at_work: dict[Target, Future[int]] = {}

    def round(self) -> list[Future[int]]:
        """Begin to send what is due; one that is slow holds up nobody else."""
        forget_lost()
        self._at_work = {target: work for target, work in self._at_work.items() if not work.done()}
        free = [target for target in due() if target not in self._at_work]
        self._at_work |= {target: self._pool.submit(_in_thread, target) for target in free}
        return list(self._at_work.values())


def due() -> list[Target]:
    """Who is to get something now."""
    found = Notice.objects.filter(state=NoticeState.WAITING, due_at__lte=Now())
    return list(found.order_by().values_list("channel", "person").distinct()[:LIMIT])


def deliver_due() -> int:
    """Send all that is due, one after the other; how many notices."""
    return sum(map(send, due()))


def send(target: Target) -> int:
    """One message with everything that waits for this target, if it is to come now; how many notices."""
    claimed = _claim(target)
    if not claimed:
        return 0
    channel, person = claimed[0].channel, claimed[0].person
    subject = words.subject(claimed)
    text = words.text(claimed, shows_args=bool(channel and channel.shows_args and channel.is_service))
    try:
        if channel and channel.is_service:
            ways.over_service(channel.address, subject=subject, text=text)
        else:
            ways.by_mail(person.email if person else "", subject=subject, text=text)
    except (ways.NotTaken, vault.Closed) as error:
        _note_failure(claimed, str(error))
    except Exception as error:
        logger.warning("Nobody knows whether a notification arrived: %s", error)
        _note_doubt(claimed, str(error) or type(error).__name__)
    else:
        _note_arrival(claimed)
    return len(claimed)


def forget_lost() -> int:
    """Notices whose sender is gone: they may have arrived, so they are not sent again. How many."""
    sending = Notice.objects.filter(state=NoticeState.SENDING, tried_at__lt=Now() - LOST)
    with transaction.atomic():
        lost = _locked(sending)
        _end(lost, state=NoticeState.UNKNOWN, error="The worker ended while it was being sent.")
    return len(lost)


def again(ids: Sequence[int], *, actor: User | None) -> int:
    """What was given up, or is in doubt, is due once more; how many."""
    with transaction.atomic():
        over = _locked(Notice.objects.filter(pk__in=ids, state__in=[NoticeState.FAILED, NoticeState.UNKNOWN]))
        due = Notice.objects.filter(pk__in=[notice.pk for notice in over])
        due.update(state=NoticeState.WAITING, due_at=Now(), attempts=0)
        records.sent_again(over, actor=actor)
    return len(over)


def _claim(target: Target) -> list[Notice]:
    """What is to be sent now, claimed: whoever comes at the same time finds nothing."""
    with transaction.atomic():
        waiting = list(_waiting(target).select_for_update(of=("self",), skip_locked=True).order_by("pk")[:LIMIT])
        if not waiting:
            return []
        now = _now()
        moot = [notice.pk for notice in waiting if _is_moot(notice)]
        Notice.objects.filter(pk__in=moot).update(state=NoticeState.DROPPED)
        going, held = _parted([notice for notice in waiting if notice.pk not in moot], target, now)
        for until, ids in held.items():
            Notice.objects.filter(pk__in=ids).update(due_at=until)
        Notice.objects.filter(pk__in=[notice.pk for notice in going]).update(
            state=NoticeState.SENDING, attempts=F("attempts") + 1, tried_at=Now()
        )
    return going


def _parted(waiting: Sequence[Notice], target: Target, now: datetime) -> tuple[list[Notice], dict[datetime, list[int]]]:
    """What goes now, and until when the rest is held: in quiet hours, between two messages, after a failure."""
    failing = [notice.due_at for notice in waiting if notice.attempts and notice.due_at > now]
    channel = waiting[0].channel if waiting else None
    until = holding.until(channel, now=now, last=_last(target))
    going: list[Notice] = []
    held: dict[datetime, list[int]] = {}
    for notice in waiting:
        ends = max(failing) if failing else None if notice.kind in holding.URGENT else until
        if ends is None:
            going.append(notice)
        elif ends != notice.due_at:
            held.setdefault(ends, []).append(notice.pk)
    return going, held


def _waiting(target: Target) -> QuerySet[Notice]:
    found = Notice.objects.filter(channel=target[0], person=target[1], state=NoticeState.WAITING)
    return found.select_related("channel", "person", "ticket__requester").prefetch_related("ticket__revisions")


def _last(target: Target) -> datetime | None:
    sent = Notice.objects.filter(channel=target[0], person=target[1], state=NoticeState.SENT)
    last: datetime | None = sent.aggregate(last=Max("tried_at"))["last"]
    return last


def _is_moot(notice: Notice) -> bool:
    """Overtaken by what happened since, by a change of who may see it, or seen: their page shows it."""
    ticket, person, channel = notice.ticket, notice.person, notice.channel
    if channel and not channel.enabled:
        return True
    if person and not (person.is_active and (person.email or (channel and channel.is_service))):
        return True
    if ticket is None:
        return False
    if notice.kind in holding.WHILE_OPEN and not ticket.is_open:
        return True
    if notice.kind == NoticeKind.STUCK and not ticket.shortage:
        return True
    return person is not None and (not _may_read(person, notice) or presence.is_here(ticket, person))


def _may_read(person: User, notice: Notice) -> bool:
    ticket = notice.ticket
    if ticket is None or person.is_superuser or ticket.requester_id == person.pk:
        return True
    return person.groups.filter(pk__in=ticket.asked).exists()


def _note_arrival(notices: Sequence[Notice]) -> None:
    _still_sending(notices).update(state=NoticeState.SENT, error="")
    _note_channel(notices[0].channel, "")


def _note_doubt(notices: Sequence[Notice], why: str) -> None:
    with transaction.atomic():
        _end(_locked(_still_sending(notices)), state=NoticeState.UNKNOWN, error=why)
        _note_channel(notices[0].channel, why)


def _note_failure(notices: Sequence[Notice], why: str) -> None:
    logger.warning("A notification was not taken: %s", why)
    with transaction.atomic():
        tried = _locked(_still_sending(notices))
        _end([notice for notice in tried if notice.attempts > len(WAITS)], state=NoticeState.FAILED, error=why)
        for notice in tried:
            if notice.attempts <= len(WAITS):
                due = Notice.objects.filter(pk=notice.pk)
                due.update(state=NoticeState.WAITING, error=why, due_at=Now() + WAITS[notice.attempts - 1])
        _note_channel(notices[0].channel, why)


def _end(notices: Sequence[Notice], *, state: NoticeState, error: str) -> None:
    """These are not tried any more by themselves. The caller holds their locks."""
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(state=state, error=error)
    records.given_up(notices, why=error)


def _still_sending(notices: Sequence[Notice]) -> QuerySet[Notice]:
    return Notice.objects.filter(pk__in=[notice.pk for notice in notices], state=NoticeState.SENDING)


def _locked(found: QuerySet[Notice]) -> list[Notice]:
    locked = found.select_for_update(of=("self",), skip_locked=True).select_related("channel", "person")
    return list(locked.order_by("pk"))


def _note_channel(channel: NoticeChannel | None, error: str) -> None:
    if channel is None:
        return
    found = NoticeChannel.objects.filter(pk=channel.pk)
    found.update(**({"error": error, "failed_at": Now()} if error else {"error": "", "sent_at": Now()}))


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _in_thread(target: Target) -> int:
    close_old_connections()
    try:
        return send(target)
    except Exception:
        logger.exception("A notification could not be sent")
        return 0
    finally:
        close_old_connections()
