"""Handing the answers of an interrupt to its graph, and writing down what became of each action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import django.db
import psycopg
from django.db import transaction

from agents import protocols, runs, transcripts
from agents.errors import AgentError, LeaseLost
from agents.leases import Lease
from agents.models import Run, RunStatus
from agents.protocols import Pause
from agents.protocols.breakpoint import Verdict
from agents.threads import Seen
from approvals import intake, tickets
from approvals.contract import Origin
from approvals.errors import ApprovalError
from approvals.models import Ticket
from approvals.states import Execution, TicketState


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One interrupt with its answer, claimed: no other worker can deliver it again."""

    pause: Pause
    value: Any
    tickets: Sequence[Ticket]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a thread stands after a step, and what the step was."""

    run: Run
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
            _write_down(standing)
            return _go_on(lease, standing)
    except (AgentError, ApprovalError) as error:
        if not isinstance(error, LeaseLost):
            _write_down(standing)  # it stands, whatever is wrong with what comes next
        raise


def _write_down(standing: Standing) -> None:
    if standing.stale:
        supersede_stale(standing.run, standing.seen, reason=standing.stale)
    if standing.done is not None:
        record(standing.done, standing.seen)


def _go_on(lease: Lease, standing: Standing) -> Delivery | None:
    told: dict[str, Any] = {"transcript": standing.transcript, "error": ""}
    if not standing.seen.pauses:
        output = transcripts.plain(transcripts.output(standing.seen.values))
        runs.write(lease, **told, status=RunStatus.SUCCEEDED, output=output, ended=True)
        return None
    enough = open_tickets(standing.run, standing.seen)
    if enough:
        runs.end(lease, status=RunStatus.REJECTED, error=enough, transcript=standing.transcript)
        return None
    delivery = claim_next(lease, standing.seen)
    if delivery is None:
        runs.write(lease, **told, status=RunStatus.PAUSED, waiting_at=list(standing.seen.places))
    elif isinstance(delivery.value, Verdict) and delivery.value.stop:
        runs.write(lease, **{**told, "error": delivery.value.stop}, status=RunStatus.REJECTED, ended=True)
        return None
    return delivery


def open_tickets(run: Run, seen: Seen) -> str:
    """A ticket for every action that waits; harmless when repeated.

    A sentence where the agent has asked too often for what is refused: its run then ends. Else empty.
    """
    closed: list[str] = []
    known = set(Ticket.objects.filter(thread_id=run.thread_id).values_list("interrupt_id", flat=True))
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
        opened = intake.open_tickets(protocols.to_actions(pause), origin=origin)
        closed += [ticket.message for ticket in opened if ticket.state == TicketState.CANCELLED]
    return closed[0] if closed else ""


def claim_again(lease: Lease, seen: Seen) -> Delivery | None:
    """An answer that a dead worker had claimed and its graph still waits for, where no action hangs on it.

    A rejection, a timeout, or an answer in words that runs nothing may be told twice. Raises BadAnswer like
    any delivery.
    """
    for pause in seen.pauses:
        told = list(
            Ticket.objects.filter(thread_id=lease.thread_id, interrupt_id=pause.interrupt_id)
            .filter(checkpoint_id=seen.checkpoint_id, delivered_at__isnull=False)
            .order_by("position")
            .prefetch_related("revisions")
        )
        harmless = all(t.state != TicketState.APPROVED and not t.answer_releases for t in told)
        if told and harmless:
            value = protocols.resume_value(pause, [tickets.answer_of(t) for t in told])
            return Delivery(pause=pause, value=value, tickets=told)
    return None


def is_settled(thread_id: str, seen: Seen) -> bool:
    """Did the graph stop by itself? A crash looks like a breakpoint, unless its tickets had been opened."""
    if not seen.pauses:
        return bool(seen.checkpoint_id)
    known = Ticket.objects.filter(thread_id=thread_id, checkpoint_id=seen.checkpoint_id, delivered_at=None)
    return all(not p.is_breakpoint or known.filter(interrupt_id=p.interrupt_id).exists() for p in seen.pauses)


def supersede_stale(run: Run, seen: Seen, *, reason: str) -> None:
    """Close every undelivered ticket of the thread that its graph no longer waits for."""
    waiting = [pause.interrupt_id for pause in seen.pauses]
    stale = Ticket.objects.filter(thread_id=run.thread_id, delivered_at=None).exclude(interrupt_id="")
    current = stale.filter(interrupt_id__in=waiting, checkpoint_id=seen.checkpoint_id)
    for ticket_id in stale.exclude(pk__in=current).values_list("pk", flat=True):
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


def record(delivery: Delivery, seen: Seen) -> None:
    """The graph went on: what each approved action came to."""
    for ticket in _running(delivery):
        result = transcripts.result_of(seen.values, ticket.tool_call_id) if ticket.tool_call_id else None
        failed = result is not None and result.status == "error"
        text = str(result.text) if result is not None else ""
        tickets.record_execution(
            ticket.pk,
            execution=Execution.FAILED if failed else Execution.SUCCEEDED,
            result=_result(delivery.pause, seen) if result is None else None if failed else text,
            error=text if failed else "",
        )


def record_raised(delivery: Delivery, seen: Seen, *, error: BaseException) -> None:
    """The graph raised. A tool that had answered before has succeeded; of the others, only what is known."""
    for ticket in _running(delivery):
        result = transcripts.result_of(seen.values, ticket.tool_call_id) if ticket.tool_call_id else None
        if result is not None:
            record(Delivery(pause=delivery.pause, value=None, tickets=[ticket]), seen)
        else:
            tickets.record_execution(ticket.pk, execution=_known(error), error=sentence(error))


def _result(pause: Pause, seen: Seen) -> Any:
    """What the graph's entry says is the result of this node; None where it says nothing."""
    values = seen.values if isinstance(seen.values, Mapping) else {}
    return transcripts.plain(values.get(pause.ask.result)) if pause.ask.result else None


def sentence(error: BaseException) -> str:
    """What a node raised, for people."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _claim(lease: Lease, pause: Pause, *, checkpoint_id: str) -> Delivery | None:
    asked = Ticket.objects.filter(
        thread_id=lease.thread_id, interrupt_id=pause.interrupt_id, checkpoint_id=checkpoint_id
    ).order_by("position")
    waiting = list(asked.values_list("pk", flat=True))
    if not waiting or asked.undelivered().count() != len(waiting):
        return None
    if not all(tickets.mark_delivered(ticket_id) for ticket_id in waiting):
        transaction.set_rollback(True)  # taken back in this instant, or still in its recall window
        return None
    decided = list(asked.prefetch_related("revisions"))
    value = protocols.resume_value(pause, [tickets.answer_of(t) for t in decided])
    runs.write(lease, status=RunStatus.RUNNING, error="")
    return Delivery(pause=pause, value=value, tickets=decided)


def _running(delivery: Delivery) -> list[Ticket]:
    return [ticket for ticket in delivery.tickets if ticket.execution == Execution.STARTED]


def _known(error: BaseException) -> Execution:
    """Failed only where nothing can have happened: a timeout or a broken connection leaves doubt."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and len(chain) < 10:
        chain.append(cause)
    return Execution.UNKNOWN if any(_leaves_doubt(e) for e in chain) else Execution.FAILED


def _leaves_doubt(error: BaseException) -> bool:
    if isinstance(error, ConnectionRefusedError):
        return False
    status = getattr(error, "status_code", None)
    # A database error may be the saver's, after the tool had done its work.
    broken = isinstance(error, TimeoutError | ConnectionError | django.db.Error | psycopg.Error)
    return broken or "Timeout" in type(error).__name__ or (isinstance(status, int) and status >= 500)
