"""A ticket that nobody decided in time goes to the next group, with a new deadline.

The step's group has to sign from now on. Nobody else has to any more, but everybody who could sign before
still may: a signature that was given on the current version counts on, towards the step where its giver is
in the step's group and otherwise towards the number of people. That number never falls: what two people had
to sign before is not released by one now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import Group

from approvals import audit, resume, shortages, sign_off, tickets
from approvals.models import Snooze, Ticket, TicketRequirement
from approvals.timeouts import Step

ENOUGH = "The signatures given before were enough once the ticket was passed on."


def escalate(ticket: Ticket, *, step: Step, now: datetime) -> None:
    """Pass an open ticket on to the step's group, with a new deadline. The caller holds the row lock."""
    _require(ticket, step)
    Snooze.objects.filter(ticket=ticket).delete()
    ticket.escalations += 1
    # Counted from now, not from the old deadline: people get their time even where no worker ran for a day.
    ticket.deadline_at = now + timedelta(seconds=step.deadline_seconds)
    ticket.save(update_fields=["escalations", "least_signers", "deadline_at"])
    audit.append(
        "ticket.escalated",
        ticket=ticket,
        group=step.group,
        needed=step.needed,
        step=ticket.escalations,
        seconds=step.deadline_seconds,
        deadline_at=ticket.deadline_at.isoformat(),
    )
    resume.enqueue_expiry(ticket.pk, at=ticket.deadline_at)
    outcome = sign_off.outcome_of(ticket)
    if outcome is None:
        sign_off.note_turns(ticket)
        shortages.note(ticket)
    else:
        said = sign_off.words_for(ticket, outcome, otherwise=ENOUGH)
        tickets.resolve(ticket, outcome=outcome, now=now, message=said)


def _require(ticket: Ticket, step: Step) -> None:
    asked = sum(ticket.requirements.values_list("needed", flat=True))
    ticket.least_signers = max(ticket.least_signers, asked)
    ticket.requirements.update(needed=0)
    group, _ = Group.objects.get_or_create(name=step.group)
    TicketRequirement.objects.update_or_create(ticket=ticket, group=group, defaults={"needed": step.needed})
    ticket.know(requirements=list(ticket.requirements.select_related("group")))
