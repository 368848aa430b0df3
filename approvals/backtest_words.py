"""The report of a backtest as sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from approvals import display, wording
from approvals.backtest import OBJECTIONS, Report
from approvals.models import Ticket
from approvals.states import Gate, Outcome, Risk

BECAME = {
    Outcome.APPROVED: "approved {n} as proposed",
    Outcome.EDITED: "edited {n}",
    Outcome.REJECTED: "rejected {n}",
    Outcome.ANSWERED: "answered {n}",
}


def lines(report: Report) -> Iterator[str]:
    """The report for reading."""
    yield f"{wording.counted(report.tickets, 'request')} of the last {wording.counted(report.days, 'day')}."
    yield f"{report.auto:,} would run without a person; {report.auto_already:,} of them did."
    if report.outcomes:
        yield f"Of the {report.outcomes.total():,} that would be new, people {_became(report)}."
    for ticket in examples(report):
        yield f"  {Outcome(ticket['outcome']).label}: {ticket['sentence']} (ticket {ticket['ticket']})"
    unnamed = sum(report.outcomes[kind] - len(report.named[kind]) for kind in OBJECTIONS)
    if unnamed:
        yield f"  and {unnamed:,} more that people did not simply approve"
    if report.stopped:
        yield f"{report.stopped:,} that ran without a person would wait for people."
    for tier in tiers(report):
        yield f"{tier['tickets']:,} would go from {_tier(tier['before'])} to {_tier(tier['after'])}."
    if not report.tiers:
        yield "Nothing would change its tier."
    for error, count in report.errors.most_common():
        yield f"{count:,} would fail closed: {error}."


def as_json(report: Report) -> dict[str, Any]:
    """The report for machines."""
    return {
        "days": report.days,
        "tickets": report.tickets,
        "auto_approved": report.auto,
        "auto_approved_already": report.auto_already,
        "of_the_new": {str(kind or "waiting"): count for kind, count in sorted(report.outcomes.items())},
        "stopped": report.stopped,
        "tiers": tiers(report),
        "failed_closed": dict(report.errors.most_common()),
        "examples": examples(report),
    }


def examples(report: Report) -> list[dict[str, Any]]:
    """The named tickets that would now run by themselves although people did not simply approve them."""
    ids = [ticket_id for kind in OBJECTIONS for ticket_id in report.named[kind]]
    found = Ticket.objects.prefetch_related("revisions").in_bulk(ids)
    return [_example(found[ticket_id]) for ticket_id in ids if ticket_id in found]


def tiers(report: Report) -> list[dict[str, Any]]:
    """What changes tier, the most first."""
    names = ("risk", "gate")
    return [
        {"before": dict(zip(names, before, strict=True)), "after": dict(zip(names, after, strict=True)), "tickets": n}
        for (before, after), n in report.tiers.most_common()
    ]


def _example(ticket: Ticket) -> dict[str, Any]:
    proposed = next(revision.args for revision in ticket.revisions.all() if revision.number == 1)
    return {
        "ticket": ticket.pk,
        "outcome": str(ticket.outcome),
        "sentence": display.headline(ticket, proposed),
    }


def _became(report: Report) -> str:
    said = [words.format(n=f"{report.outcomes[kind]:,}") for kind, words in BECAME.items()]
    rest = report.outcomes.total() - sum(report.outcomes[kind] for kind in BECAME)
    return f"{', '.join(said)}; {rest:,} ended otherwise or still wait"


def _tier(tier: dict[str, str]) -> str:
    return f"{Risk(tier['risk']).label.lower()} ({Gate(tier['gate']).label.lower()})"
