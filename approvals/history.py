"""The life of a ticket in words, from its audit entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from approvals import wording
from approvals.models import AuditEntry, Ticket
from approvals.states import Outcome

#: What each kind of entry says; a decision is said by its type.
WORDS = {
    "ticket.opened": "asked for approval",
    "revision.created": "changed the arguments",
    "policy.applied": "weighed the new arguments",
    "approve": "approved",
    "edit": "approved the changed arguments",
    "edit.soft": "changed what runs at the deadline, which is no signature",
    "edit.barred": "may not sign what they changed: others have to",
    "edit.early": "signs what they changed when their turn comes",
    "reject": "rejected",
    "respond": "answered the agent",
    "ticket.approved": "Approved",
    "ticket.rejected": "Rejected",
    "ticket.answered": "Answered",
    "ticket.expired": "The deadline passed before enough people had signed",
    "ticket.cancelled": "Withdrawn",
    "ticket.superseded": "Superseded: the agent went on to something else",
    "ticket.delivered": "The agent was told",
    "ticket.recalled": "took the approval back before the agent was told",
    "ticket.stuck": "Nobody can complete it",
    "ticket.signable": "It can be signed again",
    "ticket.reopened": "Waits again: somebody who had signed may not sign any more",
    "ticket.escalated": "Passed on to {group}, for {signatures} within {time}",
    "deadline.extended": "moved the deadline by {time}",
    "claim.taken": "is on it",
    "claim.renewed": "is still on it",
    "claim.broken": "took it over from {holder}",
    "claim.released": "is not on it any more",
    "handover.made": "asked {receiver} to decide",
    "deadline.missed": "The deadline was kept {time} late: no worker was running",
    Outcome.AUTO_APPROVED.value: "Approved by the policy: nobody had to sign",
    Outcome.UNOPPOSED.value: "Approved at the deadline: nobody stopped it",
    Outcome.BEST_GUESS.value: "Answered at the deadline with the agent’s own best guess: nobody had answered",
    "grant.given": "lets exactly the same run again for {time}, without asking",
    "grant.used": "{granted_by} had let exactly the same run again, on ticket {granted_for}",
    "grant.ended": "Waits for people: what let it run without asking stands no more",
    "payload.erased": "Arguments and words were erased",
    "secret.revealed": "looked at the hidden values",
    "grant.revoked": "took that back: the same is asked again",
    "execution.started": "Started",
    "execution.succeeded": "Done",
    "execution.failed": "Failed",
    "execution.unknown": "Nobody knows whether it happened",
}
#: Entries whose words name some of their facts.
TOLD = {
    "ticket.escalated",
    "deadline.missed",
    "deadline.extended",
    "claim.broken",
    "handover.made",
    "grant.given",
    "grant.used",
}
#: Endings that no person brought about, though their entry is of the same kind.
BY_NOBODY = {Outcome.AUTO_APPROVED.value, Outcome.UNOPPOSED.value, Outcome.BEST_GUESS.value}
#: Entries about the ticket itself: the person who brought them about has an entry of their own.
NOBODY = ("ticket.", "execution.", "deadline.missed", "grant.used")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the history."""

    at: datetime
    who: str
    words: str
    note: str
    seq: int


#: Entries that say what a reviewer thinks, and how they are told to one who is not to know it yet.
OPINIONS = {
    "decision.recorded": "decided",
    "revision.created": "changed the arguments",
    "ticket.approved": "gave the last signature",
    "ticket.answered": "answered the agent",
    "ticket.recalled": "took the approval back before the agent was told",
    "grant.given": "decided",
    "grant.revoked": "took back that it runs again",
}


def is_of_another(entry: AuditEntry, reader: User) -> bool:
    """Is it somebody else's opinion? What a policy or a deadline ended is nobody's."""
    return entry.type in OPINIONS and entry.actor_id not in {None, reader.pk}


def of(ticket: Ticket, *, hidden_from: User | None = None) -> Iterator[Event]:
    """The entries of the ticket in order, without the others' opinions where they are hidden. One query."""
    for entry in AuditEntry.objects.filter(ticket=ticket).select_related("payload").order_by("id"):
        facts = entry.facts
        if hidden_from and is_of_another(entry, hidden_from):
            yield Event(at=entry.at, who="A reviewer", words=OPINIONS[entry.type], note="", seq=entry.seq)
            continue
        who, words = sentence(entry, facts)
        yield Event(
            at=entry.at,
            who=who,
            words=words,
            note="" if entry.type.startswith("ticket.") else str(facts.get("message") or facts.get("error") or ""),
            seq=entry.seq,
        )


def sentence(entry: AuditEntry, facts: dict[str, Any]) -> tuple[str, str]:
    """Who, and what they did; nobody where the ticket itself is spoken of."""
    return _who(entry), _words(entry, facts)


def _words(entry: AuditEntry, facts: dict[str, Any]) -> str:
    ended = facts.get("outcome")
    kind = ended if ended in BY_NOBODY else facts.get("decision", entry.type)
    if why := facts.get("unsigned"):
        kind = f"edit.{why}"
    elif facts.get("grant_ended"):
        kind = "grant.ended"
    words = WORDS.get(kind, entry.type)
    return words.format_map(_told(facts)) if entry.type in TOLD else words


def _told(facts: dict[str, Any]) -> dict[str, str]:
    """The facts of an entry as words inside a sentence."""
    seconds = facts.get("seconds", facts.get("late_seconds", 0))
    told = {name: str(value) for name, value in facts.items()}
    told["time"] = wording.span(timedelta(seconds=int(seconds)))
    told["signatures"] = wording.counted(int(facts.get("needed", 0)), "signature")
    return told


def _who(entry: AuditEntry) -> str:
    if entry.type == "ticket.opened":
        return "The agent"
    if entry.type == "policy.applied":
        return "The policy"
    return "" if entry.type.startswith(NOBODY) and entry.type != "ticket.recalled" else entry.actor_name
