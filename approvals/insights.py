"""How people decide, action by action.

What is always approved need not be asked about, and where much is edited the agent needs mending.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Aggregate, Count, DurationField, F, Q
from django.db.models.functions import Now

from approvals import figures, tallies
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
_DECIDED = Q(outcome__in=(Outcome.APPROVED, Outcome.EDITED, Outcome.REJECTED, Outcome.ANSWERED))
#: Action, policy, version, and how many wait.
Waiting = tuple[str, str, int, int]


class Median(Aggregate):
    """The middle one."""

    function = "PERCENTILE_CONT"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def per_action(tickets: TicketQuerySet, *, days: int = DAYS) -> list[dict[str, Any]]:
    """Figures for each action asked for in the last days, and for each version of its policies, the most frequent
    first. Two queries."""
    recent = tickets.filter(opened_at__gte=Now() - timedelta(days=days)).order_by()
    versions = _counted(recent, "action", "policy_name", "policy_version")
    return _with_versions(_counted(recent, "action"), versions)


def of_all(*, days: int = DAYS) -> list[dict[str, Any]]:
    """The same of every ticket, from the counts that the page of figures reads: of those that ended in these days, and
    what waits now. As quick for a million tickets as for ten."""
    counts, asked = tallies.over(days), Ticket.objects.pending().order_by()
    waiting = list(asked.values_list("action", "policy_name", "policy_version").annotate(Count("pk")))
    actions = _with_waiting(figures.per_action(counts), [(action, "", 0, count) for action, _, _, count in waiting])
    return _with_versions(actions, _with_waiting(figures.per_version(counts), waiting))


def _counted(recent: TicketQuerySet, *by: str) -> list[dict[str, Any]]:
    found = recent.values(*by).annotate(
        tickets=Count("pk"),
        median=Median(F("resolved_at") - F("opened_at"), filter=_DECIDED),
        **{name: Count("pk", filter=of) for name, of in _COUNTED.items()},
    )
    return [
        {"policy": row.pop("policy_name", ""), "version": row.pop("policy_version", 0), **row}
        for row in found.order_by("-tickets", *by)
    ]


def _with_waiting(lines: Iterable[figures.Line], waiting: Iterable[Waiting]) -> list[dict[str, Any]]:
    rows = {(line.action, line.policy, line.version): _row(line) for line in lines}
    for action, policy, version, count in waiting:
        none = {"tickets": 0, "median": None, **dict.fromkeys(_COUNTED, 0)}
        named = {"action": action, "policy": policy, "version": version}
        row = rows.setdefault((action, policy, version), named | none)
        row.update(waiting=row["waiting"] + count, tickets=row["tickets"] + count)
    return [rows[key] for key in sorted(rows, key=lambda key: (-rows[key]["tickets"], key))]


def _with_versions(actions: Iterable[dict[str, Any]], versions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    under = defaultdict(list)
    for row in versions:
        under[row["action"]].append(_rated(row))
    return [_rated(row) | {"policies": under[row["action"]]} for row in actions]


def _row(line: figures.Line) -> dict[str, Any]:
    same = {name: getattr(line, name) for name in ("action", "policy", "version", "tickets", *BY_PEOPLE, "withdrawn")}
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
