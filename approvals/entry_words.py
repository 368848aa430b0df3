"""What an audit entry says in one sentence, for whoever reads all of them: of tickets as their own pages say it, and of
everything else too."""

from __future__ import annotations

from typing import Any

from approvals import history, wording
from approvals.audit.bodies import ERASED
from approvals.models import AuditEntry

#: Kinds of entries about no ticket, and those that a ticket's own page has no words for.
WORDS = {
    "sign-in": "signed in",
    "sign-in.failed": "A sign-in failed",
    "sign-out": "signed out",
    "password.changed": "changed their password",
    "account.made": "signed in for the first time, which made their account",
    "person.added": "An account was made on the server",
    "person.changed": "The password of an account was set on the server",
    "rights.granted": "A role of the database was given the application’s rights",
    "second-factor.added": "added a second factor",
    "second-factor.removed": "removed a second factor",
    "token.created": "made a token for programs",
    "token.revoked": "took a token back",
    "policy.created": "made a policy",
    "policy.changed": "changed a policy",
    "policy.deleted": "deleted a policy",
    "card.changed": "changed an action card",
    "card.deleted": "deleted an action card",
    "channel.added": "added a channel for notifications",
    "channel.removed": "took a channel for notifications away",
    "channel.tried": "had a test message sent",
    "notice.given_up": "A notification was given up",
    "notice.sent_again": "had a notification sent again",
    "delivery.given_up": "A message to another program was given up",
    "delivery.sent_again": "had a message to another program sent again",
    "admin.added": "added something in the admin",
    "admin.changed": "changed something in the admin",
    "admin.deleted": "deleted something in the admin",
    "alarm.sent": "The administrators were told that nobody can complete some tickets",
    "execution.frozen": "Everything was stopped",
    "execution.cleared": "let work go on",
    "reconcile.may_run_again": "It may run again: a person found that it had not happened",
    "payload.erased": "Arguments and words were erased",
    "run.started": "started a run",
    "run.continued": "continued a run",
    "run.succeeded": "The run ended well",
    "run.failed": "The run failed",
    "run.rejected": "The run ended with a rejection",
    "run.cancelled": "The run was cancelled",
    "run.cancel_requested": "asked to cancel a run",
    "run.retry_requested": "asked to try a run again",
    "run.repair_requested": "asked to repair a run",
}
#: The names of kinds where one is chosen from a list.
KINDS = {
    **{kind: words for kind, words in history.WORDS.items() if "." in kind},
    **WORDS,
    "decision.recorded": "decided",
    "ticket.opened": "an agent asked for approval",
}
UNREADABLE = "What it said cannot be read any more: it was changed after it was written. Run verify_audit"
#: So many facts stand in the line, each no longer than this.
FACTS, LONG = 8, 120


def of(entry: AuditEntry, facts: dict[str, Any]) -> tuple[str, str]:
    """Who, and what they did; the one is empty where the other says it all."""
    if is_life(entry):
        try:
            return history.sentence(entry, facts)
        except (LookupError, ValueError, TypeError, AttributeError):
            return "", UNREADABLE
    words = WORDS.get(entry.type, entry.type)
    return ("" if words[:1].isupper() else entry.actor_name or "The system"), words


def is_life(entry: AuditEntry) -> bool:
    """Is it told on its ticket's own page?"""
    # The reason of an erasure is a fact, and no sentence tells it.
    return entry.type != ERASED and (entry.type in history.WORDS or entry.type in history.OPINIONS)


def kind(type: str) -> str:
    """A kind of entry as it is offered to choose."""
    words = KINDS.get(type, "")
    return f"{type}: {words.format_map(_Blank()).lower()}" if words else type


def told(facts: dict[str, Any]) -> str:
    """Plain facts in one line."""
    plain = [(name, value) for name, value in facts.items() if isinstance(value, str | int | float) and value != ""]
    return " · ".join(f"{wording.words_of(name).lower()}: {_plainly(value)[:LONG]}" for name, value in plain[:FACTS])


def _plainly(value: str | int | float) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


class _Blank(dict[str, str]):
    """A sentence without its facts."""

    def __missing__(self, name: str) -> str:
        return "…"
