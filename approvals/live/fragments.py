"""From audit entries to HTML: every event is loaded and rendered once, then sent to many.

A fragment holds nothing that depends on its reader. Who may read it is asked of the database
for every event, so that nothing is pushed to someone who lost the right a moment ago.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import DatabaseError
from django.db.models import Max
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from approvals import unread
from approvals.models import AuditEntry, Snooze, Ticket

logger = logging.getLogger(__name__)

#: Ids are handed out before they are committed, so a smaller one may appear after a larger one.
LOOK_BACK = 256
#: A page is drawn, and a transaction committed, within this time of when it began.
SETTLE = timedelta(seconds=2)
#: More than this and the page is better loaded afresh.
MOST_CHANGES = 500

RELOAD = mark_safe('<span id="reload-live" hidden hx-swap-oob="true"></span>')


@dataclass(frozen=True, kw_only=True)
class Push:
    """One text for the sockets of these users."""

    html: str
    users: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What became of some entry ids: those that exist, the newest known, and what to tell whom."""

    seq: int
    ids: frozenset[int]
    pushes: list[Push]
    #: What the entries are about: their streams, and the threads of their tickets.
    streams: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who may see one ticket now, and for whom of them it belongs into the inbox."""

    deciders: frozenset[int]
    readers: frozenset[int]
    #: Who has opened it.
    seen: frozenset[int]


def beat(seq: int) -> SafeString:
    """The sign of life; it carries the last audit entry this process knows of."""
    return format_html('<span id="live-beat" hidden data-seq="{}" hx-swap-oob="true"></span>', seq)


def latest() -> int:
    """The newest audit entry's id."""
    return AuditEntry.objects.aggregate(newest=Max("id"))["newest"] or 0


def settled() -> int:
    """The newest entry of two seconds ago: a page drawn meanwhile may lack what is newer."""
    old = AuditEntry.objects.filter(at__lt=Now() - SETTLE).order_by("-id")
    return old.values_list("id", flat=True).first() or 0


def batch(entry_ids: Collection[int], *, connected: Collection[int], last: int) -> Batch:
    """What these entries mean for the connected users: one text per ticket and kind of reader."""
    found = AuditEntry.objects.filter(id__in=entry_ids).order_by("id").select_related("ticket")
    entries = list(found.only("id", "ticket_id", "type", "stream", "ticket__thread_id"))
    ids = frozenset(entry.pk for entry in entries)
    seq = max(last, *ids, 0)
    pushes = _pushes(entries, connected=connected, tail=beat(seq)) if connected else []
    return Batch(seq=seq, ids=ids, pushes=[push for push in pushes if push.users], streams=_streams(entries))


def _streams(entries: Iterable[AuditEntry]) -> frozenset[str]:
    threads = (f"run/{entry.ticket.thread_id}" for entry in entries if entry.ticket)
    return frozenset(threads) | {entry.stream for entry in entries}


def changes_since(user: User, since: int) -> str:
    """What a page that last heard of entry `since` has missed; the reload mark if that is too much.

    It looks back a little further than asked, for entries that were committed late: drawing a
    row twice does no harm.
    """
    newest = latest()
    recent = AuditEntry.objects.filter(id__gt=since - LOOK_BACK, id__lte=newest)
    missed = recent.filter(id__gt=since).count()
    if missed > MOST_CHANGES:
        return RELOAD + beat(newest)
    found = batch(list(recent.values_list("id", flat=True)), connected=[user.pk], last=newest)
    return "".join(push.html for push in found.pushes) or beat(newest)


def _pushes(entries: Iterable[AuditEntry], *, connected: Collection[int], tail: str) -> list[Push]:
    changed, threads = _subjects(entries)
    tickets = list(Ticket.objects.filter(pk__in=changed).for_list())
    audiences = _audiences(tickets, connected=connected)
    pushes = []
    for ticket in tickets:
        threads.discard(ticket.thread_id)
        audience = audiences[ticket.pk]
        if not audience.readers:
            continue
        try:
            pushes += _of_ticket(ticket, audience, tail=tail)
        except DatabaseError:
            raise
        except Exception:  # one ticket that cannot be drawn must not silence all others
            logger.exception("live_row_failed", extra={"ticket": ticket.pk})
    return pushes + _of_threads(threads, connected=connected, tail=tail)


def _of_ticket(ticket: Ticket, audience: Audience, *, tail: str) -> list[Push]:
    """Each reader's row goes to the list it belongs to; the page finds its place there by `data-order`."""
    row, rest = _row(ticket), _marks(ticket) + tail
    if not ticket.is_open:
        return [Push(html=_into("decided-list", row) + rest, users=audience.readers)]
    handed = ticket.handed_over
    asked = audience.deciders & {handed.receiver_id} if handed else frozenset()
    lists = [
        ("inbox-list", row, audience.deciders - asked),
        ("others-list", row, audience.readers - audience.deciders),
    ]
    if handed and asked:  # the one person for whom the row comes first has it drawn once more
        lists.append(("inbox-list", _row(ticket, reader=handed.receiver), asked))
    return [
        Push(html=_into(name, drawn, seen=seen) + rest, users=users & audience.seen if seen else users - audience.seen)
        for name, drawn, users in lists
        for seen in (True, False)
    ]


def _subjects(entries: Iterable[AuditEntry]) -> tuple[set[int], set[str]]:
    """The tickets that were touched, and the threads of entries about a run."""
    changed, threads = set(), set()
    for entry in entries:
        if entry.ticket_id is not None:
            changed.add(entry.ticket_id)
        elif entry.type.startswith("run."):
            threads.add(entry.stream.partition("/")[2])
    return changed, threads


def _audiences(tickets: Sequence[Ticket], *, connected: Collection[int]) -> dict[int, Audience]:
    """The connected users who may see each ticket; the same rule as `Ticket.objects.visible_to`."""
    here = User.objects.filter(pk__in=connected, is_active=True)
    auditors = frozenset(_auditors(connected))
    groups = {req.group_id for ticket in tickets for req in ticket.requirements.all()}
    members: dict[int, set[int]] = {}
    for user_id, group_id in here.filter(groups__in=groups).values_list("pk", "groups"):
        members.setdefault(group_id, set()).add(user_id)
    requesters = {ticket.requester_id for ticket in tickets if ticket.requester_id is not None}
    asking = set(here.filter(pk__in=requesters).values_list("pk", flat=True)) if requesters else set()
    put_off = set(
        Snooze.objects.live().filter(ticket__in=tickets, person__in=connected).values_list("ticket", "person")
    )
    opened = unread.seen(tickets, by=connected)
    audiences = {}
    for ticket in tickets:
        asked = {u for req in ticket.requirements.all() for u in members.get(req.group_id, ())}
        next_up = {u for req in ticket.requirements.all() if not req.waits for u in members.get(req.group_id, ())}
        own = asking & {ticket.requester_id}
        away = {vote.reviewer_id for vote in ticket.decisions.all() if vote.stands(ticket.revision)}
        away |= {person for snoozed, person in put_off if snoozed == ticket.pk}
        deciders = frozenset((next_up - own if ticket.bar_requester else next_up) - away)
        seen = frozenset(opened.get(ticket.pk, ()))
        audiences[ticket.pk] = Audience(deciders=deciders, readers=auditors | asked | own, seen=seen)
    return audiences


def _auditors(connected: Collection[int], *, of: str = "approvals.view_ticket") -> Iterable[int]:
    """Connected users who may see every ticket, or whatever else the permission is for."""
    everything = User.objects.with_perm(of, backend="django.contrib.auth.backends.ModelBackend")
    return everything.filter(pk__in=connected).values_list("pk", flat=True)


def _of_threads(threads: Collection[str], *, connected: Collection[int], tail: str) -> list[Push]:
    """Nudges for the run pages of threads whose tickets did not change."""
    told = []
    for thread in threads:
        audiences = _audiences(
            list(Ticket.objects.filter(thread_id=thread).prefetch_related("requirements", "decisions")),
            connected=connected,
        )
        starters = AuditEntry.objects.filter(stream=f"run/{thread}", actor__in=connected, actor__is_active=True)
        users = set(starters.values_list("actor", flat=True)).union(
            _auditors(connected), _auditors(connected, of="agents.view_run")
        )
        told.append(
            Push(html=_run_mark(thread) + tail, users=frozenset(users.union(*(a.readers for a in audiences.values()))))
        )
    return told


def _row(ticket: Ticket, *, reader: User | None = None) -> str:
    """The row as every page draws it; a reader changes only its place in the list."""
    return render_to_string("approvals/_ticket_row.html", {"ticket": ticket, "user": reader}).strip()


def _into(list_id: str, row: str, *, seen: bool = False) -> str:
    """A row for one of the inbox's lists: `static/js/rows.js` puts it in the place of its order.

    The list says whether its reader has opened the ticket, and the row, which is the same for all, does not.
    """
    return f'<ol hx-swap-oob="afterbegin:#{list_id}"{" data-seen" if seen else ""}>{row}</ol>'


def _marks(ticket: Ticket) -> str:
    """Nudges for the open pages of the ticket and its run: they fetch what is new to their reader."""
    mark = format_html(
        '<div id="ticket-{}-live" hidden data-revision="{}" data-state="{}" data-execution="{}"'
        ' hx-swap-oob="true"></div>',
        ticket.pk,
        ticket.revision,
        ticket.state,
        ticket.execution,
    )
    return mark + _run_mark(ticket.thread_id)


def _run_mark(thread: str) -> SafeString:
    """Nudges for the page of a run and for the list of runs."""
    marks = '<div id="run-{}-live" hidden hx-swap-oob="true"></div><div id="runs-live" hidden hx-swap-oob="true"></div>'
    return format_html(marks, thread)
