"""What a row of a list says of its ticket, put into words once.

The same row is drawn again and again: on every page of everybody who is asked, and for every socket. What it says is
a value, so it is drawn once for all who are told the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from approvals import clock, deadlines, display, wording
from approvals.models import Ticket
from approvals.states import Execution, OnTimeout

#: So many rows are kept as they were drawn, of about a kilobyte each.
KEPT = 5_000
#: What became of an approved action, before the time.
CARRIED_OUT = {
    Execution.STARTED: "running",
    Execution.SUCCEEDED: "done",
    Execution.FAILED: "failed",
    Execution.UNKNOWN: "outcome unknown",
}


class Row(NamedTuple):
    """All that a row says. Nothing in it depends on who looks, but its place in their list and what they have seen."""

    id: int
    href: str
    order: str
    #: Equal for what asks for the same.
    same: str
    state: str
    is_open: bool
    is_seen: bool
    title: str
    risk: str
    risk_in_words: str
    graph: str
    requester: str
    escalated_to: str
    handed_over: str
    claimed_by: str
    claimed_until: str
    is_stuck: bool
    is_edited: bool
    #: How many have signed, and by when the others have to.
    signed: str
    deadline: str
    urgency: str
    due: str
    until: str
    #: How it ended, by whom and when.
    outcome: str
    ended: str
    resolved: str
    ago: str


def of(ticket: Ticket, *, reader: Any = None) -> Row:
    """The row of a ticket that `for_rows` or `for_list` fetched; no query."""
    is_open, requester = ticket.is_open, ticket.requester
    return Row(
        id=ticket.pk,
        href=ticket.get_absolute_url(),
        order=display.order(ticket, reader),
        same=display.same(ticket),
        state=ticket.state,
        is_open=is_open,
        is_seen=getattr(ticket, "is_seen", False),
        title=display.headline(ticket),
        risk=ticket.risk,
        risk_in_words=ticket.get_risk_display(),
        graph=ticket.graph,
        requester=requester.username if requester else "",
        is_edited=ticket.revision > 1,
        **(_waiting(ticket) | _NOT_OVER if is_open else _NOT_WAITING | _over(ticket)),
    )


def on_page(row: Row, *, query: str = "", is_current: bool = False) -> SafeString:
    """The row as it leads on from this list, marked where its ticket is the one that is open beside it."""
    plain, current = f'href="{row.href}"', ' aria-current="page"' if is_current else ""
    return mark_safe(drawn(row).replace(plain, f'href="{row.href}{escape(query)}"{current}', 1))  # noqa: S308 - escaped


@lru_cache(maxsize=KEPT)
def drawn(row: Row) -> SafeString:
    """The row as all pages and sockets share it: what somebody looked for is not kept with it."""
    return mark_safe(render_to_string("approvals/_row.html", row._asdict()).strip())  # noqa: S308 - a template drew it


def _waiting(ticket: Ticket) -> dict[str, Any]:
    """What is said of a ticket only while it waits."""
    signatures, handed, now = display.signatures(ticket, blind=ticket.is_blind), ticket.handed_over, clock.now()
    due, held_until = ticket.deadline_at, getattr(ticket, "claimed_until", None)
    runs = due and deadlines.ahead_of(ticket, blind=ticket.is_blind).action == OnTimeout.APPROVE
    return {
        "escalated_to": ticket.escalated_to,
        "handed_over": f"{handed.giver.username} asked {handed.receiver.username}" if handed else "",
        "claimed_by": getattr(ticket, "claimed_by", None) or "",
        "claimed_until": held_until.isoformat() if held_until else "",
        "is_stuck": bool(ticket.shortage),
        "signed": f"{signatures.given} of {signatures.needed} {'decided' if ticket.is_blind else 'signed'}",
        "deadline": due.isoformat() if due else "",
        "urgency": wording.urgency(due, now=now),
        "due": "runs" if runs else "due",
        "until": wording.until(due, now=now) if due else "",
    }


def _over(ticket: Ticket) -> dict[str, Any]:
    """What is said of a ticket only when it has ended."""
    told = [display.ended_by(ticket), CARRIED_OUT.get(Execution(ticket.execution), "")]
    return {
        "outcome": ticket.get_outcome_display(),
        "ended": "".join(f"{words}, " for words in told if words),
        "resolved": ticket.resolved_at.isoformat() if ticket.resolved_at else "",
        "ago": wording.ago(ticket.resolved_at, now=clock.now()) if ticket.resolved_at else "",
    }


_NOT_WAITING = dict.fromkeys(
    ("escalated_to", "handed_over", "claimed_by", "claimed_until", "signed", "deadline", "urgency", "due", "until"), ""
) | {"is_stuck": False}
_NOT_OVER = dict.fromkeys(("outcome", "ended", "resolved", "ago"), "")
