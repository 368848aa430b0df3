"""How people decide, action by action.

What is always approved need not be asked about, and where much is edited the agent needs mending.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Aggregate, Count, DurationField, F, Q
from django.db.models.functions import Now

from approvals import figures
from approvals.models import Ticket, TicketQuerySet
from approvals.states import Outcome, TicketState

DAYS = 30
_COUNTED = {
    "approved": Q(outcome=Outcome.APPROVED),
    "edited": Q(outcome=Outcome.EDITED),
    "rejected": Q(outcome=Outcome.REJECTED),
    "answered": Q(outcome=Outcome.ANSWERED),
    "timed_out": Q(outcome__in=(Outcome.TIMED_OUT, Outcome.UNOPPOSED, Outcome.BEST_GUESS)),
    "without_a_person": Q(outcome=Outcome.AUTO_APPROVED),
    "withdrawn": Q(outcome__in=(Outcome.CANCELLED, Outcome.SUPERSEDED)),
    "waiting": Q(state=TicketState.PENDING),
}
#: Somebody decided.
BY_PEOPLE = ("approved", "edited", "rejected", "answered")


class Median(Aggregate):
    """The middle one."""

    function = "PERCENTILE_CONT"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def per_action(tickets: TicketQuerySet, *, days: int = DAYS) -> list[dict[str, Any]]:
    """Figures for each action asked for in the last days, the most frequent first. One query."""
    recent = tickets.filter(opened_at__gte=Now() - timedelta(days=days)).order_by()
    decided = Q(outcome__in=(Outcome.APPROVED, Outcome.EDITED, Outcome.REJECTED, Outcome.ANSWERED))
    figures = recent.values("action").annotate(
        tickets=Count("pk"),
        median=Median(F("resolved_at") - F("opened_at"), filter=decided),
        **{name: Count("pk", filter=of) for name, of in _COUNTED.items()},
    )
    return [_rated(dict(row)) for row in figures.order_by("-tickets", "action")]


def of_all(*, days: int = DAYS) -> list[dict[str, Any]]:
    """The same of every ticket, from the counts that the page of figures reads: of those that ended in these days, and
    what waits now. As quick for a million tickets as for ten."""
    waiting = dict(Ticket.objects.pending().order_by().values_list("action").annotate(Count("pk")))
    rows = {line.action: _row(line) for line in figures.per_action(days)}
    for action, count in waiting.items():
        row = rows.setdefault(action, {"action": action, "tickets": 0, "median": None, **dict.fromkeys(_COUNTED, 0)})
        row.update(waiting=count, tickets=row["tickets"] + count)
    return [_rated(row) for row in sorted(rows.values(), key=lambda row: (-row["tickets"], row["action"]))]


def _row(line: figures.Line) -> dict[str, Any]:
    same = {name: getattr(line, name) for name in ("action", "tickets", *BY_PEOPLE, "withdrawn")}
    return {
        **same,
        "timed_out": line.expired,
        "without_a_person": line.unasked,
        "waiting": 0,
        "median": line.half,
    }


def _rated(row: dict[str, Any]) -> dict[str, Any]:
    decided = sum(row[name] for name in BY_PEOPLE)
    median = row.pop("median")
    return {
        **row,
        "approval_rate": _share(row["approved"] + row["edited"], decided),
        "edit_rate": _share(row["edited"], decided),
        "median_seconds": round(median.total_seconds(), 1) if median is not None else None,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
