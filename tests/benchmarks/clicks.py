"""What a reviewer does, request by request as htmx sends it, each round on tickets of its own.

Where the answer leads to another page, the time until that page is there counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max

from approvals.models import AuditEntry, Ticket
from tests import factories

EMAIL = {"to": "ana@example.com", "subject": "Figures", "body": "The figures are attached. " * 12}
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in EMAIL},
    "required": list(EMAIL),
}
TOGETHER = 10
#: What these ask for, on top of what waits already; one of the reviewers may release each.
POLICIES: dict[str, dict[str, Any]] = {
    "bench_send": {"risk": "medium"},
    "bench_delete": {"risk": "high"},
    "bench_ask": {"risk": "low", "gate": "hard"},
}


@dataclass(frozen=True, kw_only=True)
class Click:
    """One request."""

    name: str
    path: str
    posted: dict[str, Any] | None = None
    asked: dict[str, Any] = field(default_factory=dict)


def prepare() -> None:
    """The policies of what is asked for here."""
    for action, terms in POLICIES.items():
        factories.make_policy(action, action=action, requirements={"reviewers": 1}, **terms)


def of_a_round(number: int, *, reviewer: User, requester: User) -> Iterator[Click]:
    """Every click once, in an order in which none is refused. Tickets are opened between them, off the clock."""

    def opened(action: str = "bench_send", **fields: Any) -> Ticket:
        given = {"args": EMAIL | {"subject": f"Figures {number}"}, "args_schema": SCHEMA} | fields
        return factories.open_ticket(action, requester=requester, **given)

    newest = AuditEntry.objects.aggregate(newest=Max("id"))["newest"]
    ticket = opened()
    yield Click(name="changes", path="/inbox/changes/", asked={"since": newest})
    yield from _looking(ticket)
    yield from _looking_after(ticket)
    yield _decision("approve", ticket)
    yield Click(name="recall", path=f"{ticket.get_absolute_url()}recall/", posted={})
    yield _decision("reject", opened(), message="Not this one")
    yield _decision("edit", opened(), **_changed(number))
    question = opened("bench_ask", args={"question": "Which folder?"}, args_schema=None, allowed_decisions=("respond",))
    yield _decision("respond", question, message="The one of last year")
    grave = opened("bench_delete", args={"name": f"report-{number}"}, args_schema=None)
    yield Click(name="approve_panel", path=f"{grave.get_absolute_url()}approve/")
    secret = opened("bench_send", args={"password": "hunter2", "to": "ana"}, args_schema=None)
    yield Click(name="reveal", path=f"{secret.get_absolute_url()}secrets/", posted={"digest": secret.digest})
    yield from _together([opened() for _ in range(TOGETHER)])
    yield Click(name="take_up_next", path="/review/next/", posted={})


def _looking(ticket: Ticket) -> Iterator[Click]:
    here, digest = ticket.get_absolute_url(), {"digest": ticket.digest}
    yield Click(name="ticket", path=here)
    yield Click(name="presence", path=f"{here}presence/", posted={})
    yield Click(name="draft", path=f"{here}draft/", posted={"type": "reject", "message": "Because the acc", **digest})
    yield Click(name="edit_form", path=f"{here}edit/")
    yield Click(name="edit_review", path=f"{here}edit/", posted={"step": "review", **digest, **_changed(1)})
    yield Click(name="next", path=f"{here}next/")


def _looking_after(ticket: Ticket) -> Iterator[Click]:
    here = ticket.get_absolute_url()
    yield Click(name="claim", path=f"{here}claim/", posted={})
    yield Click(name="release", path=f"{here}claim/release/", posted={})
    yield Click(name="hand_over", path=f"{here}handover/", posted={"to": "bob"})
    yield Click(name="snooze", path=f"{here}snooze/", posted={"seconds": 3_600})
    yield Click(name="wake", path=f"{here}snooze/end/", posted={})
    yield Click(name="unread", path=f"{here}seen/end/", posted={})


def _together(tickets: list[Ticket]) -> Iterator[Click]:
    yield Click(name="bulk_review", path="/bulk/", asked={"ticket": [ticket.pk for ticket in tickets]})
    digests = {f"digest-{ticket.pk}": ticket.digest for ticket in tickets}
    yield Click(name="bulk_approve", path="/bulk/", posted={"type": "approve", **digests})


def _decision(kind: str, ticket: Ticket, **words: str) -> Click:
    posted = {"type": kind, "digest": ticket.digest, **words}
    return Click(name=f"decide_{kind}", path=f"{ticket.get_absolute_url()}decisions/", posted=posted)


def _changed(number: int) -> dict[str, str]:
    return {"args.subject": f"Corrected figures {number}", "message": "A typo"}
