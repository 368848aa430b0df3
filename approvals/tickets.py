"""The state machine. Everything that changes `Ticket.state` goes through `_move`, under the row lock."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import (
    audit,
    doubts,
    failpoints,
    freezes,
    plaintext,
    recalls,
    replays,
    resume,
    shortages,
    sign_off,
    states,
    timeouts,
)
from approvals.contract import Answer
from approvals.errors import ForbiddenMove, TicketClosed, TicketNotFound, TooLate
from approvals.failpoints import Point
from approvals.models import Ticket, TicketQuerySet
from approvals.states import Channel, DecisionType, Execution, Outcome, TicketState

logger = logging.getLogger(__name__)

#: What each final state says to a graph.
ANSWERS = {
    TicketState.APPROVED: DecisionType.APPROVE,
    TicketState.REJECTED: DecisionType.REJECT,
    TicketState.ANSWERED: DecisionType.RESPOND,
    TicketState.EXPIRED: DecisionType.REJECT,
}

NOT_ENOUGH = "Somebody who had signed may not sign any more, so the signatures are too few."
GRANT_ENDED = "The approval that let it run without asking was taken back, has run out, or holds no more."
TIMED_OUT = "Timed out: nobody decided before the deadline, so this was not done. No person rejected it."


def lock(ticket_id: int) -> tuple[Ticket, datetime]:
    """The ticket under its row lock, and the database's time. The caller is in a transaction.

    Raises TicketNotFound. Without this lock two votes at once each count 1 of 2 and the ticket hangs.
    """
    try:
        ticket = Ticket.objects.select_related("requester").select_for_update(of=("self",)).get(pk=ticket_id)
    except Ticket.DoesNotExist:
        raise TicketNotFound from None
    # A second statement: the lock may have been waited for, and time and the record go on while one waits.
    return ticket, audit.follow(ticket)


def check_open(ticket: Ticket, now: datetime) -> None:
    """May people still act on it? Raises TicketClosed or TooLate. The caller holds the row lock."""
    state = TicketState(ticket.state)
    if not state.is_open:
        raise TicketClosed(f"This ticket is already {state.label.lower()}; nothing was changed.", state=state.value)
    if ticket.deadline_at and ticket.deadline_at <= now:
        raise TooLate("The deadline has passed; nothing was changed.", deadline_at=ticket.deadline_at)


def resolve(
    ticket: Ticket,
    *,
    outcome: Outcome,
    now: datetime,
    message: str = "",
    actor: User | None = None,
    via: Channel | None = None,
) -> None:
    """Close a pending ticket and ask for its graph to be resumed. The caller holds the row lock.

    `via` is how the deciding word came in; None where no person said it.
    """
    after = next(state for state, outcomes in states.OUTCOMES.items() if outcome in outcomes)
    release_at = _release(ticket, now, via) if after is TicketState.APPROVED else now
    _move(ticket, after, outcome=outcome, message=message, resolved_at=now, release_at=release_at)
    audit.append(f"ticket.{after.value}", ticket=ticket, actor=actor, outcome=outcome.value, message=message)
    failpoints.reach(Point.QUORUM_WRITTEN)
    if after in ANSWERS:
        resume.enqueue(ticket)
    failpoints.reach(Point.QUORUM_ENQUEUED)


def recall(ticket_id: int, *, actor: User, keyed: replays.Keyed | None = None) -> Ticket:
    """Take an approval back before its graph is told; the ticket waits again. Returns it as it stands then.

    Any of its signers or an eligible reviewer may. Raises TicketClosed where there is no approval, TooLate
    once a worker has claimed it, OwnRequest or NotAnApprover; and then changes nothing. `keyed`: the same request
    again does not either, and takes no later approval back.
    """
    with transaction.atomic():
        ticket, now = lock(ticket_id)
        if replays.is_known(keyed, by=actor, ticket=ticket):
            return ticket
        recalls.check(ticket, actor, now)
        _reopen(ticket)
        taken = sign_off.withdraw(ticket, actor=actor, now=now)
        sign_off.note_turns(ticket)
        names = [vote.reviewer.get_username() for vote in taken]
        audit.append("ticket.recalled", ticket=ticket, actor=actor, withdrawn=names)
    return ticket


def withdraw(ticket: Ticket, *, now: datetime, reason: str, actor: User | None = None) -> None:
    """Close an open ticket without an answer. The caller holds the row lock, or has just made the row."""
    _end(ticket, outcome=Outcome.CANCELLED, reason=reason, now=now, actor=actor)


def cancel(ticket_id: int, *, reason: str, actor: User | None = None) -> None:
    """Withdraw a ticket that is open or approved and not delivered; otherwise do nothing."""
    _close(ticket_id, outcome=Outcome.CANCELLED, reason=reason, actor=actor)


def supersede(ticket_id: int, *, reason: str) -> None:
    """Close a ticket whose interrupt is gone; it will never be resumed."""
    _close(ticket_id, outcome=Outcome.SUPERSEDED, reason=reason, actor=None)


def take_back(ticket_id: int, *, reason: str) -> None:
    """Close a ticket whose answer its graph could not use, so that the question can be asked again.

    Only where nothing ran on that answer; otherwise do nothing. The database refuses the rest too.
    """
    with transaction.atomic():
        ticket, now = lock(ticket_id)
        idle = ticket.delivered_at and ticket.execution in {Execution.NOT_STARTED, Execution.FAILED}
        if idle and states.may_move(TicketState(ticket.state), TicketState.SUPERSEDED):
            _end(ticket, outcome=Outcome.SUPERSEDED, reason=reason, now=now, actor=None)


def answer_of(ticket: Ticket) -> Answer:
    """What a resolved ticket says to its graph. Raises ForbiddenMove for one that says nothing (yet)."""
    state = TicketState(ticket.state)
    if state not in ANSWERS:
        raise ForbiddenMove(before=state.value, after="delivered")
    approved = state is TicketState.APPROVED
    by_clock = ticket.outcome in {Outcome.TIMED_OUT, Outcome.UNOPPOSED, Outcome.BEST_GUESS}
    edited = ticket.outcome == Outcome.EDITED or (ticket.outcome == Outcome.UNOPPOSED and ticket.revision > 1)
    return Answer(
        type=DecisionType.EDIT.value if edited else ANSWERS[state].value,
        args=ticket.args if approved else None,
        message=TIMED_OUT if state is TicketState.EXPIRED else ticket.message,
        timed_out=by_clock,
    )


def claim(asked: TicketQuerySet) -> list[Ticket]:
    """Claim the resolved tickets of one question for its graph: together, and once.

    Empty where one is open (again), in its recall window or was claimed before, where everything is frozen, and
    where those who signed one may not any more or what was remembered ended: that one waits for people again. The
    caller is in a transaction.
    """
    waiting = list(asked.filter(freezes.none_stands()).select_for_update(of=("self",)).order_by("position"))
    if not waiting:
        return _left(waiting, "none is left of the question, or everything is frozen")
    if any(ticket.delivered_at or TicketState(ticket.state) not in ANSWERS for ticket in waiting):
        return _left(waiting, "one is open or has been told")
    clocks = [audit.follow(ticket) for ticket in waiting]
    if any(not ticket.release_at or ticket.release_at > now for ticket, now in zip(waiting, clocks, strict=True)):
        return _left(waiting, "one can still be taken back")
    if void := [ticket for ticket in waiting if not sign_off.holds(ticket)]:
        for ticket in void:
            _ask_again(ticket)
        return _left(waiting, "an approval holds no more, so people are asked again")
    for ticket, now in zip(waiting, clocks, strict=True):
        _deliver(ticket, now)
    return waiting


def _left(waiting: list[Ticket], why: str) -> list[Ticket]:
    """Nothing is claimed; the log says why."""
    logger.debug("Nothing is claimed of tickets %s: %s", [ticket.pk for ticket in waiting], why)
    return []


def _ask_again(ticket: Ticket) -> None:
    """Somebody was taken out of a group, or switched off, after the approval; or the grant it ran on has ended."""
    _reopen(ticket)
    if ticket.grant_id:
        _ask_people(ticket)
        audit.append("ticket.reopened", ticket=ticket, message=GRANT_ENDED, grant_ended=True)
    else:
        audit.append("ticket.reopened", ticket=ticket, message=NOT_ENOUGH)
    sign_off.note_turns(ticket)
    shortages.note(ticket)


def _ask_people(ticket: Ticket) -> None:
    """As if there had been no grant: they get the time that they had got then."""
    ticket.grant = None
    seconds = ticket.policy.get("deadline_seconds")
    if seconds and ticket.chain:
        ticket.deadline_at = ticket.chain.at + timedelta(seconds=seconds)
        resume.enqueue_expiry(ticket.pk, at=ticket.deadline_at)
    ticket.save(update_fields=["grant", "deadline_at"])


def _deliver(ticket: Ticket, now: datetime) -> None:
    ticket.delivered_at = now
    if ticket.state == TicketState.APPROVED and ticket.about_id is None:
        ticket.execution = Execution.STARTED
    ticket.save(update_fields=["delivered_at", "execution"])
    audit.append("ticket.delivered", ticket=ticket)


def start_again(ticket_id: int) -> bool:
    """An approved action that is known not to have happened is tried once more; False for any other."""
    with transaction.atomic():
        ticket, _ = lock(ticket_id)
        if ticket.state != TicketState.APPROVED or ticket.execution != Execution.FAILED:
            return False
        ticket.execution, ticket.error = Execution.STARTED, ""
        ticket.save(update_fields=["execution", "error"])
        audit.append("execution.started", ticket=ticket)
        return True


def record_execution(
    ticket_id: int, *, execution: Execution, result: Any = None, error: str = "", is_over: bool = False
) -> None:
    """Write down what became of the action; the first final word stands. What nobody knows, people are asked.

    `is_over`: the call itself has come to its end, so nobody can be in the middle of it any more.
    """
    with transaction.atomic(savepoint=False):
        ticket, _ = lock(ticket_id)
        if ticket.execution in {Execution.SUCCEEDED, Execution.FAILED} or ticket.execution == execution:
            return
        ticket.execution, ticket.result = execution, plaintext.json(result)
        ticket.error = plaintext.text(error)
        ticket.save(update_fields=["execution", "result", "error"])
        audit.append(f"execution.{execution.value}", ticket=ticket, error=ticket.error)
        if execution is Execution.UNKNOWN and ticket.interrupt_id and ticket.chain:
            doubts.ask(ticket, now=ticket.chain.at, may_run_again=is_over)
        failpoints.reach(Point.OUTCOME_WRITTEN)


def _release(ticket: Ticket, now: datetime, via: Channel | None) -> datetime:
    """When an approval may be delivered. The deadline ends the wait too: past it nothing could be decided anew."""
    seconds = timeouts.recall_window(ticket.recall_seconds, risk=ticket.risk, via=via)
    release_at = now + timedelta(seconds=seconds)
    return max(now, min(release_at, ticket.deadline_at)) if ticket.deadline_at else release_at


def _reopen(ticket: Ticket) -> None:
    """An approval that stands no more: the ticket waits for people again."""
    _move(ticket, TicketState.PENDING, outcome="", message="", resolved_at=None, release_at=None)


def _close(ticket_id: int, *, outcome: Outcome, reason: str, actor: User | None) -> None:
    with transaction.atomic():
        ticket, now = lock(ticket_id)
        after = TicketState(outcome.value)
        if not ticket.delivered_at and states.may_move(TicketState(ticket.state), after):
            _end(ticket, outcome=outcome, reason=reason, now=now, actor=actor)


def _end(ticket: Ticket, *, outcome: Outcome, reason: str, now: datetime, actor: User | None) -> None:
    after = TicketState(outcome.value)
    _move(ticket, after, outcome=outcome, message=reason, resolved_at=now, release_at=None)
    audit.append(f"ticket.{after.value}", ticket=ticket, actor=actor, outcome=outcome.value, message=reason)


def _move(ticket: Ticket, after: TicketState, **fields: Any) -> None:
    """The only writer of `Ticket.state`. The caller holds the row lock and writes the audit entry."""
    before = TicketState(ticket.state)
    if not states.may_move(before, after):
        raise ForbiddenMove(before=before.value, after=after.value)
    ticket.state = after
    for name, value in fields.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=["state", *fields])
