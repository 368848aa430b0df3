"""The states of a ticket and the moves between them: one enum, one table. Pure."""

from __future__ import annotations

from django.db.models import TextChoices


class TicketState(TextChoices):
    """Where a ticket stands. The database knows the same list (a check constraint)."""

    PENDING = "pending", "Waiting"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    ANSWERED = "answered", "Answered"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Withdrawn"
    SUPERSEDED = "superseded", "Superseded"

    @property
    def is_open(self) -> bool:
        """May people still decide?"""
        return self is TicketState.PENDING


#: Closed without an answer: the same action of the same interrupt may be asked for again.
CLOSED = (TicketState.CANCELLED, TicketState.SUPERSEDED)

#: Every allowed move. `approved → pending` is recall, refused once a worker has claimed the approval.
#: `answered → pending`: the graph would act on the answer, and who gave it may not sign any more.
#: `approved → superseded | cancelled` closes an approval that its graph no longer waits for.
TRANSITIONS: dict[TicketState, frozenset[TicketState]] = {
    TicketState.PENDING: frozenset(set(TicketState) - {TicketState.PENDING}),
    TicketState.APPROVED: frozenset({TicketState.PENDING, TicketState.CANCELLED, TicketState.SUPERSEDED}),
    TicketState.REJECTED: frozenset({TicketState.SUPERSEDED}),
    TicketState.ANSWERED: frozenset({TicketState.PENDING, TicketState.SUPERSEDED}),
    TicketState.EXPIRED: frozenset({TicketState.SUPERSEDED}),
    TicketState.CANCELLED: frozenset(),
    TicketState.SUPERSEDED: frozenset(),
}


class DecisionType(TextChoices):
    """One reviewer's word, in LangChain's own words."""

    APPROVE = "approve", "Approve"
    EDIT = "edit", "Edit and approve"
    REJECT = "reject", "Reject"
    RESPOND = "respond", "Answer"


class Outcome(TextChoices):
    """How a resolved ticket ended. "Timed out" is never shown as a person's rejection."""

    APPROVED = "approved", "Approved as proposed"
    EDITED = "edited", "Approved with edits"
    REJECTED = "rejected", "Rejected"
    ANSWERED = "answered", "Answered"
    TIMED_OUT = "timed_out", "Timed out"
    UNOPPOSED = "unopposed", "Approved at the deadline, nobody stopped it"
    BEST_GUESS = "best_guess", "Answered with the agent’s own best guess"
    AUTO_APPROVED = "auto_approved", "Approved by policy"
    CANCELLED = "cancelled", "Withdrawn"
    SUPERSEDED = "superseded", "Superseded"


#: The outcomes that may stand on a ticket in each state; the database checks the same pairs.
OUTCOMES: dict[TicketState, frozenset[str]] = {
    TicketState.PENDING: frozenset({""}),
    TicketState.APPROVED: frozenset({Outcome.APPROVED, Outcome.EDITED, Outcome.AUTO_APPROVED, Outcome.UNOPPOSED}),
    TicketState.REJECTED: frozenset({Outcome.REJECTED}),
    TicketState.ANSWERED: frozenset({Outcome.ANSWERED, Outcome.BEST_GUESS}),
    TicketState.EXPIRED: frozenset({Outcome.TIMED_OUT}),
    TicketState.CANCELLED: frozenset({Outcome.CANCELLED}),
    TicketState.SUPERSEDED: frozenset({Outcome.SUPERSEDED}),
}


class Execution(TextChoices):
    """What became of the action after its approval was delivered."""

    NOT_STARTED = "not_started", "Not started"
    STARTED = "started", "Started"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class Risk(TextChoices):
    """How much can go wrong, from least to most."""

    LOW = "low", "Low risk"
    MEDIUM = "medium", "Medium risk"
    HIGH = "high", "High risk"
    CRITICAL = "critical", "Critical risk"


class Gate(TextChoices):
    """How an action waits for people."""

    AUTO = "auto", "Runs at once, logged"
    SOFT = "soft", "Runs unless stopped"
    HARD = "hard", "Waits for approval"
    MANUAL = "manual", "Waits for a typed confirmation"


class Channel(TextChoices):
    """How a decision came in. A click is taken back more often than a call."""

    BROWSER = "browser", "In a browser"
    API = "api", "Over the API"
    CODE = "code", "In code"
    SLACK = "slack", "From Slack"
    CALLBACK = "callback", "From a program of one's own"


class Scope(TextChoices):
    """What a token may do. Everyone may read; who asks never decides and who decides never asks."""

    READ = "read", "Read"
    REQUEST = "request", "Ask for approval"
    DECIDE = "decide", "Decide"


class OnTimeout(TextChoices):
    """What happens at the deadline."""

    REJECT = "reject", "Reject"
    ESCALATE = "escalate", "Escalate"
    APPROVE = "approve", "Approve"
    ANSWER = "answer", "Answer with the agent's best guess"


class NoticeKind(TextChoices):
    """What people who are not looking at a page are told of."""

    OPENED = "opened", "A ticket waits"
    ESCALATED = "escalated", "A ticket was escalated"
    EXPIRING = "expiring", "A deadline is near"
    DECIDED = "decided", "A ticket was decided"
    DOUBT = "doubt", "Nobody knows whether an action happened"
    STUCK = "stuck", "Nobody can sign a ticket"
    TEST = "test", "A test message"


class NoticeState(TextChoices):
    """How far a notice has come. It is claimed before it is sent, so a worker that dies sends it once or never."""

    WAITING = "waiting", "Waits"
    SENDING = "sending", "Is being sent"
    SENT = "sent", "Sent"
    DROPPED = "dropped", "Not needed any more"
    FAILED = "failed", "Given up"
    UNKNOWN = "unknown", "Nobody knows whether it arrived"


class DeliveryState(TextChoices):
    """How far a message to a webhook has come."""

    WAITING = "waiting", "Waits"
    SENDING = "sending", "Is being sent"
    SENT = "sent", "Taken"
    FAILED = "failed", "Given up"


#: What may be approved once for a while. More than that is looked at every time.
MEMORABLE_RISKS = frozenset({Risk.LOW, Risk.MEDIUM})
MEMORABLE_GATES = frozenset({Gate.SOFT, Gate.HARD})


class PolicyChange(TextChoices):
    """What became of a policy in one of its versions."""

    FOUND = "found", "Found"
    CREATED = "created", "Made"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"


def may_move(before: TicketState, after: TicketState) -> bool:
    """Is the move in the table?"""
    return after in TRANSITIONS[before]
