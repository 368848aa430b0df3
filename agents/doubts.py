"""What people found out about an action that was in doubt, and how its run goes on from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agents import effects, jobs, wishes, workers
from agents.errors import AgentError
from agents.leases import ClockTimestamp
from agents.models import Effect, EffectState, Run, RunStatus
from approvals import audit, doubts, failpoints, tickets
from approvals.failpoints import Point
from approvals.models import Ticket
from approvals.states import DecisionType, Execution, TicketState

HAPPENED = "{who} found out that this happened: {result}"
NOT_HAPPENED = "It did not happen, as {who} found out."
STOPPED = "Stopped by {who}: nobody knows whether “{action}” happened (ticket {ticket})."
#: After this long nothing that a plain node sent can be under way any more; it declares no deadline of its own.
OVER = timedelta(seconds=effects.DEADLINE_SECONDS + effects.MARGIN_SECONDS)
LIMIT = 200


def is_about_doubt(ticket_id: int) -> bool:
    """Is this a ticket about another one?"""
    return Ticket.objects.filter(pk=ticket_id, about__isnull=False).exists()


def settle(thread_id: str, ticket_id: int) -> None:
    """Do what was decided, once: the ledger, the ticket in doubt and the run, in one transaction."""
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(thread_id=thread_id).first()
        answered = tickets.claim(Ticket.objects.filter(pk=ticket_id, about__isnull=False))
        if run is None or not answered:
            return
        [ticket] = answered
        _WAYS[TicketState(ticket.state)](run, ticket)
        failpoints.reach(Point.RECONCILE_WRITTEN)
    failpoints.reach(Point.RECONCILE_COMMITTED)


def offer() -> int:
    """Offer another run where whoever began is proven dead, and the call past its deadline; how many."""
    asked = Ticket.objects.pending().filter(about__isnull=False)
    held = asked.exclude(allowed_decisions__contains=DecisionType.APPROVE.value).select_related("about")[:LIMIT]
    return sum(_offer(ticket) for ticket in held if _is_proven(_about(ticket)))


def _is_proven(about: Ticket) -> bool:
    """Is nobody in the middle of this any more?"""
    effect = about.effects.filter(state=EffectState.UNKNOWN).first()
    if effect is not None:
        is_past = about.effects.filter(effects.is_past(), pk=effect.pk).exists()
        return is_past and all(map(workers.is_dead, _who_began(effect)))
    # Not in the ledger: it may be in the hands of any worker that lost the run.
    stopped = Run.objects.filter(thread_id=about.thread_id, status=RunStatus.FAILED, begun_at__lte=about.opened_at)
    run = stopped.filter(ended_at__lt=ClockTimestamp() - OVER).first()
    return run is not None and bool(run.lost_by) and all(map(workers.is_dead, run.lost_by))


def _who_began(effect: Effect) -> set[str]:
    """One with a key may have been begun by others before, who lost the run; its row names the last."""
    lost = Run.objects.filter(thread_id=effect.thread_id).first() if effect.retry_until else None
    return {effect.owner, *(lost.lost_by if lost else ())}


def _offer(ticket: Ticket) -> int:
    with transaction.atomic():
        doubts.offer_another_run(tickets.lock(ticket.pk)[0])
        return 1


def _happened(run: Run, ticket: Ticket) -> None:
    about, result = _doubtful(ticket), HAPPENED.format(who=_who(ticket), result=ticket.message)
    effects.reconcile(about.pk, EffectState.HAPPENED, result=result)
    tickets.record_execution(about.pk, execution=Execution.SUCCEEDED, result=result)
    if about.is_ledgered:  # another would be carried out again by its graph
        _go_on(run, about)


def _not_happened(run: Run, ticket: Ticket) -> None:
    about, error = _doubtful(ticket), NOT_HAPPENED.format(who=_who(ticket))
    effects.reconcile(about.pk, EffectState.NOT_HAPPENED, error=error)
    tickets.record_execution(about.pk, execution=Execution.FAILED, error=error)
    if about.is_ledgered:
        effects.authorise_again(about)
        _go_on(run, about)
    else:
        _try_again(run, about)


def _stop(run: Run, ticket: Ticket) -> None:
    """Nobody can tell. What was in doubt stays so, and its run over."""
    about = _doubtful(ticket)
    if run.status == RunStatus.FAILED:
        error = STOPPED.format(who=_who(ticket), action=about.action, ticket=about.pk)
        Run.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED, error=error, updated_at=Now())
        audit.append(
            "run.cancelled", stream=f"run/{run.thread_id}", actor=_person(ticket), graph=run.graph, error=error
        )


_WAYS: dict[TicketState, Any] = {
    TicketState.ANSWERED: _happened,
    TicketState.APPROVED: _not_happened,
    TicketState.REJECTED: _stop,
}


def _go_on(run: Run, about: Ticket) -> None:
    """From its checkpoint, as after a worker that died: the ledger gives back what happened, or lets it run."""
    if _is_latest(run, about):
        facts: dict[str, Any] = {"status": RunStatus.RUNNING, "error": "", "ended_at": None, "updated_at": Now()}
        Run.objects.filter(pk=run.pk).update(**facts, **wishes.FREE)
        jobs.enqueue(run.thread_id)


def _try_again(run: Run, about: Ticket) -> None:
    if _is_latest(run, about):
        try:
            wishes.request_retry(run.thread_id, actor=None)
        except AgentError:
            return  # something else of this run is in doubt; it asks too


def _is_latest(run: Run, about: Ticket) -> bool:
    """Does the run still stand where this left it?"""
    return run.status == RunStatus.FAILED and run.begun_at <= about.opened_at


def _about(ticket: Ticket) -> Ticket:
    if ticket.about is None:
        raise ValueError("this ticket is about no other one")
    return ticket.about


def _doubtful(ticket: Ticket) -> Ticket:
    return tickets.lock(_about(ticket).pk)[0]


def _person(ticket: Ticket) -> User | None:
    said = ticket.decisions.filter(revision=ticket.revision).select_related("reviewer").order_by("-id").first()
    return said.reviewer if said else None


def _who(ticket: Ticket) -> str:
    person = _person(ticket)
    return person.get_username() if person else "Somebody"
