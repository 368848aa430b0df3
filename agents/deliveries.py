"""Handing the answers of an interrupt to its graph, and writing down what became of each action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from agents import authorisations, checkpoints, effects, executions, protocols, runs, transcripts
from agents.database import unhurried
from agents.errors import AgentError, BadAnswer, LeaseLost
from agents.leases import Lease
from agents.models import Run, RunStatus, Wish
from agents.protocols import Pause
from agents.protocols.breakpoint import Verdict
from agents.snapshots import Seen
from approvals import failpoints, intake, tickets
from approvals.contract import Origin
from approvals.errors import ApprovalError
from approvals.failpoints import Point
from approvals.models import Ticket
from approvals.states import DecisionType, TicketState

STOPPED = "The run was cancelled while this was under way, so it may or may not have happened."
ASKED_AGAIN = "The graph could not use this answer, so the question is asked again."


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One interrupt with its answer, claimed: no other worker can deliver it again."""

    pause: Pause
    value: Any
    tickets: Sequence[Ticket]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a thread stands after a step, and what the step was."""

    seen: Seen
    transcript: list[dict[str, Any]]
    #: The answer that the step delivered.
    done: Delivery | None = None
    #: Why tickets that the graph no longer waits for are closed; empty to leave them.
    stale: str = ""


def settle(lease: Lease, standing: Standing) -> Delivery | None:
    """Write down where the thread stands and claim the next answer; None when people are needed or it ended.

    One transaction, so one trip to the disk: what the last action came to, tickets for what waits, the
    claim of what is decided, and the run's status. LeaseLost takes all of it back.
    """
    try:
        with transaction.atomic():
            run = runs.lock(lease)
            _write_down(lease, standing)
            delivery = _go_on(lease, run, standing)
            if _is_safe_to_lose(standing, delivery):
                unhurried()
    except (AgentError, ApprovalError) as error:
        if not isinstance(error, LeaseLost):
            _write_down(lease, standing)  # it stands, whatever is wrong with what comes next
        raise
    failpoints.reach(Point.CLAIM_COMMITTED if delivery else Point.SETTLED)
    return delivery


def _is_safe_to_lose(standing: Standing, delivery: Delivery | None) -> bool:
    """Would a recovery find all of it again? Claims of the ledger wait for the disk before anything happens, and its
    outcomes and the graph's last checkpoint have done so; what people are asked is not taken back."""
    deliveries = [each for each in (delivery, standing.done) if each]
    is_known = delivery or not standing.seen.pauses
    return bool(is_known) and all(authorisations.all_ledgered(each.tickets) for each in deliveries)


def mend(lease: Lease, standing: Standing) -> None:
    """As `settle`, but what is decided is left to a worker."""
    with transaction.atomic():
        run = runs.lock(lease)
        _write_down(lease, standing)
        if _waits(lease, run, standing):
            _pause(lease, standing)


def stop(lease: Lease, standing: Standing) -> None:
    """End a cancelled run where it stands; one that had just reached its end has succeeded all the same.

    What was let loose and has not reported back may have happened: nobody can tell from a graph that stopped.
    """
    with transaction.atomic():
        run = runs.lock(lease)
        executions.record_known(lease.thread_id, standing.seen)
        runs.doubt(lease.thread_id, error=STOPPED)
        if standing.seen.checkpoint_id and not standing.seen.pauses:
            _succeed(lease, standing)
        else:
            _cancel(lease, run, standing)


def _write_down(lease: Lease, standing: Standing) -> None:
    if standing.stale:
        supersede_stale(lease.thread_id, standing.seen, reason=standing.stale)
    if standing.done is not None:
        executions.record(standing.done.tickets, standing.seen, pause=standing.done.pause)


def _go_on(lease: Lease, run: Run, standing: Standing) -> Delivery | None:
    if not _waits(lease, run, standing):
        return None
    delivery = claim_next(lease, standing.seen)
    if delivery is None:
        _pause(lease, standing)
    elif isinstance(delivery.value, Verdict) and delivery.value.stop:
        runs.end(lease, status=RunStatus.REJECTED, error=delivery.value.stop, transcript=standing.transcript)
        return None
    return delivery


def _waits(lease: Lease, run: Run, standing: Standing) -> bool:
    """Open a ticket for everything that waits. False when the run is over instead."""
    if not standing.seen.pauses:
        _succeed(lease, standing)
        return False
    if run.wish == Wish.CANCEL:
        _cancel(lease, run, standing)
        return False
    enough = open_tickets(run, standing.seen)
    if enough:
        runs.end(lease, status=RunStatus.REJECTED, error=enough, transcript=standing.transcript)
    return not enough


def _pause(lease: Lease, standing: Standing) -> None:
    told: dict[str, Any] = {"transcript": standing.transcript, "waiting_at": list(standing.seen.places)}
    runs.write(lease, status=RunStatus.PAUSED, error="", answering="", **told, **runs.SETTLED)


def _succeed(lease: Lease, standing: Standing) -> None:
    output = transcripts.plain(transcripts.output(standing.seen.values))
    runs.end(lease, status=RunStatus.SUCCEEDED, output=output, transcript=standing.transcript)


def _cancel(lease: Lease, run: Run, standing: Standing) -> None:
    error, actor = runs.cancelled_by(run.wished_by), run.wished_by
    runs.end(lease, status=RunStatus.CANCELLED, error=error, actor=actor, transcript=standing.transcript)


def open_tickets(run: Run, seen: Seen) -> str:
    """A ticket for every action that waits; harmless when repeated.

    A sentence where the agent has asked too often for what is refused: its run then ends. Else empty.
    """
    closed: list[str] = []
    known = set(Ticket.objects.live().filter(thread_id=run.thread_id).values_list("interrupt_id", flat=True))
    for pause in seen.pauses:
        if pause.interrupt_id in known:
            continue
        origin = Origin(
            graph=run.graph,
            thread_id=run.thread_id,
            interrupt_id=pause.interrupt_id,
            checkpoint_id=seen.checkpoint_id,
            protocol=protocols.recognise(pause).NAME,
            requester_id=run.requester_id,
            since=run.begun_at,
        )
        opened = intake.open_tickets(authorisations.marked(pause), origin=origin)
        closed += [ticket.message for ticket in opened if ticket.state == TicketState.CANCELLED]
    return closed[0] if closed else ""


def claim_again(lease: Lease, seen: Seen) -> Delivery | None:
    """An answer that a dead worker had claimed and its graph still waits for, where no action hangs on it.

    A rejection, a timeout, or an answer in words that runs nothing may be told twice. Raises BadAnswer like
    any delivery.
    """
    for pause in seen.pauses:
        told = _told(lease.thread_id, pause, seen)
        if told and not any(_acts(ticket) for ticket in told):
            return _delivery(pause, told)
    return None


def lost(acting: Sequence[Ticket], seen: Seen) -> Delivery | None:
    """An answer that never reached its graph, with an action that may be tried again: its worker died on the way.

    The graph has been entered again since and still asks; LangGraph keeps an answer only when its step ends.
    """
    mine = {ticket.pk for ticket in acting}
    for pause in seen.pauses:
        told = _told(acting[0].thread_id, pause, seen) if acting else []
        if mine & {ticket.pk for ticket in told}:
            return _delivery(pause, told)
    return None


def _told(thread_id: str, pause: Pause, seen: Seen) -> list[Ticket]:
    """The tickets of a question that were claimed where the thread still stands."""
    mine = Ticket.objects.live().filter(thread_id=thread_id, interrupt_id=pause.interrupt_id)
    told = mine.filter(checkpoint_id=seen.checkpoint_id, delivered_at__isnull=False)
    return list(told.order_by("position").prefetch_related("revisions"))


def _acts(ticket: Ticket) -> bool:
    """Does the answer let the graph act? A refusal never does, and what is told twice the ledger runs once."""
    if ticket.is_ledgered and ticket.state == TicketState.APPROVED:
        return False
    kind = tickets.answer_of(ticket).type
    return kind != DecisionType.REJECT and (kind != DecisionType.RESPOND or ticket.answer_releases)


def is_known(thread_id: str, seen: Seen) -> bool:
    """Were tickets opened where the thread stands? Then the graph had stopped there by itself."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    asked = Ticket.objects.live().filter(thread_id=thread_id, checkpoint_id=seen.checkpoint_id, delivered_at=None)
    return asked.filter(interrupt_id__in=waiting).exists()


def is_stuck(thread_id: str, seen: Seen) -> bool:
    """Does the graph still wait for an answer that it was given? Nobody is asked, and nothing will come."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    told = Ticket.objects.live().filter(thread_id=thread_id, delivered_at__isnull=False)
    return told.filter(interrupt_id__in=waiting).exists()


def supersede_stale(thread_id: str, seen: Seen, *, reason: str) -> None:
    """Close every undelivered ticket of the thread that its graph no longer waits for."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    stale = Ticket.objects.live().filter(thread_id=thread_id, delivered_at=None).exclude(interrupt_id="")
    current = stale.filter(interrupt_id__in=waiting, checkpoint_id=seen.checkpoint_id)
    for ticket_id in stale.exclude(pk__in=current).values_list("pk", flat=True):
        tickets.supersede(ticket_id, reason=reason)


def start_again(thread_id: str, seen: Seen) -> list[Ticket]:
    """The approved actions that raised in the step which is to be entered again, started once more.

    The same approval still stands: it is known that the action did not happen.
    """
    waiting = [pause.interrupt_id for pause in seen.pauses] + [runs.find(thread_id).answering]
    failed = Ticket.objects.live().filter(thread_id=thread_id, interrupt_id__in=waiting)
    again = [ticket.pk for ticket in failed.exclude(interrupt_id="") if tickets.start_again(ticket.pk)]
    return list(Ticket.objects.filter(pk__in=again))


def take_back(thread_id: str, seen: Seen) -> None:
    """Close the tickets whose answer the graph was given and could not use."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    told = Ticket.objects.live().filter(thread_id=thread_id, interrupt_id__in=waiting, delivered_at__isnull=False)
    for ticket_id in told.values_list("pk", flat=True):
        effects.void(ticket_id)
        tickets.take_back(ticket_id, reason=ASKED_AGAIN)


def withdraw(thread_id: str, seen: Seen, *, reason: str) -> None:
    """Close the tickets that nothing has been delivered of, though the graph still waits: they are asked anew."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    held = Ticket.objects.live().filter(thread_id=thread_id, interrupt_id__in=waiting, delivered_at=None)
    for ticket_id in held.order_by("pk").values_list("pk", flat=True):
        tickets.supersede(ticket_id, reason=reason)


def claim_next(lease: Lease, seen: Seen) -> Delivery | None:
    """The first pause whose tickets are all decided and released, claimed; None while people are needed.

    One transaction: the claim, the answer computed from exactly what was claimed and checked as a whole,
    and the run's status. BadAnswer leaves everything as it was.
    """
    for pause in seen.pauses:
        with transaction.atomic():
            delivery = _claim(lease, pause, checkpoint_id=seen.checkpoint_id)
        if delivery is not None:
            return delivery
    return None


def _claim(lease: Lease, pause: Pause, *, checkpoint_id: str) -> Delivery | None:
    mine = Ticket.objects.live().filter(thread_id=lease.thread_id, interrupt_id=pause.interrupt_id)
    claimed = tickets.claim(mine.filter(checkpoint_id=checkpoint_id))
    if not claimed:
        return None
    delivery = _delivery(pause, claimed)
    if isinstance(delivery.value, Verdict) and delivery.value.stop:
        # Nothing is handed over: approvals beside this refusal are withdrawn with the run, not delivered.
        transaction.set_rollback(any(t.state == TicketState.APPROVED for t in delivery.tickets))
    else:
        authorisations.authorise(pause, claimed)
        runs.write(lease, status=RunStatus.RUNNING, error="", answering=pause.interrupt_id, **runs.SETTLED)
        failpoints.reach(Point.CLAIM_WRITTEN)
    return delivery


def _delivery(pause: Pause, decided: Sequence[Ticket]) -> Delivery:
    answers = [tickets.answer_of(ticket) for ticket in decided]
    try:
        value = protocols.resume_value(pause, answers)
    except BadAnswer as error:
        if not any(answer.timed_out and answer.type == DecisionType.REJECT for answer in answers):
            raise
        # The format has no word for "not now", and a deadline must not pass for a person's word.
        stop = f"{tickets.TIMED_OUT} The graph cannot be told so. {error}"
        value = Verdict(run={}, refuse={}, reply={}, update={}, stop=stop)
    checkpoints.check_answer(asdict(value) if isinstance(value, Verdict) else value)
    return Delivery(pause=pause, value=value, tickets=decided)
