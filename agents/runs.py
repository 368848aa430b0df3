"""The rows of runs. A worker writes only under its lease: a stale token raises LeaseLost.

What people may ask of a run is in `wishes`. Whoever locks a run and its tickets locks the run first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, Subquery
from django.db.models.functions import Now

from agents import effects, leases
from agents.database import unhurried
from agents.errors import (
    AgentError,
    BadThreadId,
    InDoubt,
    LeaseLost,
    RunCancelled,
    RunErased,
    ThreadOfAnotherGraph,
    ThreadOfAnotherPerson,
    UnknownThread,
    WouldRepeat,
)
from agents.leases import Lease
from agents.models import Run, RunStatus
from approvals import audit, plaintext, tickets
from approvals.models import Ticket
from approvals.states import Execution, TicketState

P = ParamSpec("P")
T = TypeVar("T")

THREAD_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
#: What a run forgets when it gets somewhere: nothing is wished for, under way or being recovered any more.
SETTLED: dict[str, Any] = {"wish": "", "wished_by": None, "recoveries": 0}

#: What graphs wrote.
WORDS = ("error", "transcript", "output", "waiting_at")
#: A step that kills its worker, or cannot be saved, must not do so for ever.
RECOVERIES = 5
STOPPED = "The worker that drove this run stopped in the middle of a step."
REPLACED = "A new message came before this was run."
LOST_WORKER = "The worker stopped while this ran, so it may or may not have happened."


def find(thread_id: str) -> Run:
    """The run, or UnknownThread."""
    try:
        return Run.objects.get(thread_id=thread_id)
    except Run.DoesNotExist:
        raise UnknownThread(thread_id=thread_id) from None


def lock(lease: Lease) -> Run:
    """The run under its row lock, or LeaseLost. The caller is in a transaction."""
    run = leases.fenced(lease).select_for_update().first()
    if run is None:
        raise LeaseLost(thread_id=lease.thread_id)
    return run


def under(lease: Lease, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in one transaction under the run's row lock: all of it is written, or LeaseLost and nothing."""
    with transaction.atomic():
        lock(lease)
        return function(*args, **kwargs)


def check(thread_id: str, *, graph: str, requester_id: int | None) -> None:
    """May this person run this graph on this thread?

    Raises BadThreadId, RunCancelled, RunErased, ThreadOfAnotherGraph or ThreadOfAnotherPerson: a second person on a
    thread could approve what they asked for themselves, because its tickets name the first as the requester.
    """
    if not THREAD_ID.fullmatch(thread_id):
        raise BadThreadId(thread_id=thread_id)
    known = Run.objects.filter(thread_id=thread_id).first()
    if known is None:
        return
    if known.graph != graph:
        raise ThreadOfAnotherGraph(thread_id=thread_id, graph=known.graph)
    if known.requester_id != requester_id:
        raise ThreadOfAnotherPerson(thread_id=thread_id)
    _check_goes_on(known)


def _check_goes_on(run: Run) -> None:
    if run.erased_at:
        raise RunErased(thread_id=run.thread_id)
    if run.status == RunStatus.CANCELLED:
        raise RunCancelled(thread_id=run.thread_id)


def open(thread_id: str, *, graph: str, value: Any, requester_id: int | None, model: str) -> Lease:
    """The thread's run, made if there is none, and its lease. Raises what `check` does, LeaseHeld or Frozen.

    One transaction: a run that were seen before it is held could be begun by a worker too, with the same input.
    """
    with transaction.atomic():
        register(thread_id, graph=graph, value=value, requester_id=requester_id, model=model)
        return leases.taken(thread_id)


def register(thread_id: str, *, graph: str, value: Any, requester_id: int | None, model: str) -> Run:
    """The thread's run, made if there is none; a worker that finds it begins it."""
    made = {"graph": graph, "input": value, "requester_id": requester_id, "model": model}
    with transaction.atomic():
        run, is_new = Run.objects.get_or_create(thread_id=thread_id, defaults=made)
        if is_new:
            audit.append("run.started", stream=f"run/{thread_id}", actor=run.requester, graph=graph)
    if not is_new:
        check(thread_id, graph=graph, requester_id=requester_id)  # someone may have been faster
    return run


def begin(lease: Lease, *, value: Any, begun_from: str) -> None:
    """New input for the thread. What an earlier worker left half done is marked as not known, not forgotten."""
    with transaction.atomic():
        unhurried()  # the graph's first checkpoint waits for the disk
        run = lock(lease)
        _check_goes_on(run)
        doubt(lease.thread_id)
        effects.withdraw(lease.thread_id, reason=REPLACED)
        if begun_from:  # a thread that has been somewhere already: its start is in the record
            audit.append("run.continued", stream=f"run/{run.thread_id}", actor=run.requester, graph=run.graph)
        told: dict[str, Any] = {"input": value, "begun_from": begun_from, "begun_at": Now(), "output": None}
        write(lease, status=RunStatus.RUNNING, error="", answering="", lost_by=[], **told, **SETTLED)


def write(lease: Lease, **fields: Any) -> None:
    """Change the run, if this lease is still the latest. It waits nowhere unless `waiting_at` says so."""
    # Tools and exceptions may say what Postgres cannot hold, and their words must not strand the run.
    told = {name: plaintext.json(fields[name]) for name in WORDS if name in fields}
    fields = {"ended_at": None, "waiting_at": [], **fields, **told, "updated_at": Now()}
    if not leases.fenced(lease).update(**fields):
        raise LeaseLost(thread_id=lease.thread_id)


def fail(lease: Lease, *, error: str, **fields: Any) -> None:
    """The run ends because something went wrong."""
    end(lease, status=RunStatus.FAILED, error=error, **fields)


def end(lease: Lease, *, status: RunStatus, error: str = "", actor: User | None = None, **fields: Any) -> None:
    """The run is over, which is a fact of the record and moves open pages; nobody is asked any more."""
    with transaction.atomic(savepoint=False):
        write(lease, status=status, error=error, ended_at=Now(), **SETTLED, **fields)
        record_end(lease.thread_id, actor=actor)


def cancelled_by(actor: User | None) -> str:
    """The sentence on a cancelled run."""
    return f"Cancelled by {actor.get_username()}." if actor else "Cancelled."


def count_recovery(lease: Lease) -> None:
    """One more worker takes up where another stopped. AgentError when too many have, without getting further."""
    with transaction.atomic():
        run = lock(lease)
        if run.recoveries >= RECOVERIES:
            raise AgentError(f"{STOPPED} It has been taken up {run.recoveries} times and got no further.")
        write(lease, recoveries=run.recoveries + 1)


def record_end(thread_id: str, *, actor: User | None) -> None:
    """Close what the ended run still asked for: it can never be done. The caller holds the run's row lock."""
    run = Run.objects.get(thread_id=thread_id)
    audit.append(f"run.{run.status}", stream=f"run/{thread_id}", actor=actor, graph=run.graph, error=run.error)
    reason = f"The run is over: {run.error}" if run.error else "The run is over."
    close_tickets(thread_id, reason=reason, actor=actor)
    if run.status != RunStatus.FAILED:  # that one may be tried again under the same approval
        effects.withdraw(thread_id, reason=effects.ENDED)


def close_tickets(thread_id: str, *, reason: str, actor: User | None = None) -> int:
    """Withdraw what is open, and what is approved and was never delivered; how many."""
    held = Ticket.objects.filter(thread_id=thread_id).held().exclude(interrupt_id="").order_by("pk")
    left = list(held.values_list("pk", flat=True))
    for ticket_id in left:
        tickets.cancel(ticket_id, reason=plaintext.text(reason)[:2000], actor=actor)
    return len(left)


def explain(thread_id: str, *, why: str) -> None:
    """Why a waiting run does not go on; gone as soon as it does. Needs no lease: it changes nothing else."""
    error = plaintext.text(f"A worker could not go on: {why}")
    waiting = Run.objects.filter(thread_id=thread_id, status__in=[RunStatus.QUEUED, RunStatus.PAUSED])
    waiting.exclude(error=error).update(error=error)


def doubt(thread_id: str, *, error: str = LOST_WORKER) -> str:
    """A sentence if an approved action of this thread may or may not have happened; else empty.

    The caller holds the lease, so an execution that is started and not finished has lost its worker.
    """
    for ticket_id in _under_way(thread_id):
        effects.doubt(ticket_id, error=error)
    unknown = in_doubt(thread_id)
    return str(unknown) if unknown else ""


def in_doubt(thread_id: str) -> InDoubt | None:
    """The newest action of which nobody knows whether it happened. New input is another story: it replays nothing."""
    begun = Run.objects.filter(thread_id=thread_id).values("begun_at")
    doubtful = Ticket.objects.filter(thread_id=thread_id, execution=Execution.UNKNOWN, opened_at__gte=Subquery(begun))
    unknown = doubtful.order_by("-id").first()
    if unknown is not None:
        return InDoubt(action=unknown.action, ticket=unknown.pk)
    # By a plain node, which would do it again: nothing gives back to it what somebody found out.
    happened = Q(is_ledgered=False, questions__state=TicketState.ANSWERED, opened_at__gte=Subquery(begun))
    found = Ticket.objects.filter(happened, thread_id=thread_id).order_by("-id").first()
    return WouldRepeat(action=found.action, ticket=found.pk) if found else None


def untold(thread_id: str) -> int | None:
    """A ticket on which somebody has decided and of which the graph has not heard, if there is one."""
    mine = Ticket.objects.live().filter(thread_id=thread_id, delivered_at=None).exclude(interrupt_id="")
    decided = mine.filter(~Q(state=TicketState.PENDING) | Q(decisions__isnull=False))
    return decided.order_by("pk").values_list("pk", flat=True).first()


def _under_way(thread_id: str) -> list[int]:
    """Actions that were let loose and never reported back; an answer in words lets the graph act too."""
    given = Run.objects.filter(thread_id=thread_id, status=RunStatus.RUNNING).exclude(answering="")
    told = Q(state=TicketState.ANSWERED, answer_releases=True, delivered_at__isnull=False)
    told &= Q(execution=Execution.NOT_STARTED, interrupt_id__in=given.values("answering"))
    mine = Ticket.objects.filter(Q(execution=Execution.STARTED) | told, thread_id=thread_id)
    mine = mine.exclude(effects.answered_for())
    return list(mine.order_by("pk").values_list("pk", flat=True))
