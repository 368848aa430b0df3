"""The rows of runs. A worker writes only under its lease: a stale token raises LeaseLost."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from agents import leases
from agents.errors import BadThreadId, LeaseLost, ThreadOfAnotherGraph, ThreadOfAnotherPerson, UnknownThread
from agents.leases import Lease
from agents.models import Run, RunStatus
from approvals import audit, plaintext, tickets
from approvals.models import Ticket
from approvals.states import Execution

THREAD_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def find(thread_id: str) -> Run:
    """The run, or UnknownThread."""
    try:
        return Run.objects.get(thread_id=thread_id)
    except Run.DoesNotExist:
        raise UnknownThread(thread_id=thread_id) from None


def check(thread_id: str, *, graph: str, requester_id: int | None) -> None:
    """May this person run this graph on this thread?

    Raises BadThreadId, ThreadOfAnotherGraph or ThreadOfAnotherPerson: a second person on a thread could
    approve what they asked for themselves, because its tickets name the first as the requester.
    """
    if not THREAD_ID.fullmatch(thread_id):
        raise BadThreadId(thread_id=thread_id)
    known = Run.objects.filter(thread_id=thread_id).first()
    if known is not None and known.graph != graph:
        raise ThreadOfAnotherGraph(thread_id=thread_id, graph=known.graph)
    if known is not None and known.requester_id != requester_id:
        raise ThreadOfAnotherPerson(thread_id=thread_id)


def register(thread_id: str, *, graph: str, value: Any, requester_id: int | None, model: str) -> Run:
    """The thread's run, made if there is none."""
    made = {"graph": graph, "input": value, "requester_id": requester_id, "model": model}
    with transaction.atomic():
        run, is_new = Run.objects.get_or_create(thread_id=thread_id, defaults=made)
        if is_new:
            audit.append("run.started", stream=f"run/{thread_id}", actor=run.requester, graph=graph)
    check(thread_id, graph=graph, requester_id=requester_id)  # someone may have been faster
    return run


def begin(lease: Lease, *, value: Any) -> None:
    """New input for the thread. What an earlier worker left half done is marked as not known, not forgotten."""
    write(lease, status=RunStatus.RUNNING, input=value, error="", output=None, begun_at=Now())
    doubt(lease.thread_id)


def write(lease: Lease, *, ended: bool = False, **fields: Any) -> None:
    """Change the run, if this lease is still the latest; its end is a fact of the record, and moves open pages.

    It waits nowhere unless `waiting_at` says so.
    """
    # Tools and exceptions may say what Postgres cannot hold, and their words must not strand the run.
    told = {
        name: plaintext.json(fields[name]) for name in ("error", "transcript", "output", "waiting_at") if name in fields
    }
    fields = {"waiting_at": []} | fields | told | {"updated_at": Now(), "ended_at": Now() if ended else None}
    with transaction.atomic():
        if not leases.fenced(lease).update(**fields):
            raise LeaseLost(thread_id=lease.thread_id)
        if ended:
            _record_end(lease.thread_id)


def explain(thread_id: str, *, why: str) -> None:
    """Why a paused run does not go on; gone as soon as it does. Needs no lease: it changes nothing else."""
    error = plaintext.text(f"A worker could not go on: {why} Is COUNTERSIGN_GRAPHS set where it runs?")
    Run.objects.filter(thread_id=thread_id, status=RunStatus.PAUSED).exclude(error=error).update(error=error)


def _record_end(thread_id: str) -> None:
    run = Run.objects.get(thread_id=thread_id)
    audit.append(f"run.{run.status}", stream=f"run/{thread_id}", graph=run.graph, error=run.error)


def fail(lease: Lease, *, error: str, **fields: Any) -> None:
    """The run ends because something went wrong."""
    end(lease, status=RunStatus.FAILED, error=error, **fields)


def end(lease: Lease, *, status: RunStatus, error: str, **fields: Any) -> None:
    """The run is over; what it still asked for can never be done, so nobody is asked any more."""
    with transaction.atomic():
        write(lease, status=status, error=error, ended=True, **fields)
    for ticket_id in Ticket.objects.filter(thread_id=lease.thread_id).pending().values_list("pk", flat=True):
        tickets.cancel(ticket_id, reason=plaintext.text(f"The run is over: {error}")[:2000])


def doubt(thread_id: str) -> str:
    """A sentence if an approved action of this thread may or may not have happened; else empty.

    The caller holds the lease, so an execution that is started and not finished has lost its worker.
    """
    for ticket in Ticket.objects.filter(thread_id=thread_id, execution=Execution.STARTED):
        error = "The worker stopped while this ran, so it may or may not have happened."
        tickets.record_execution(ticket.pk, execution=Execution.UNKNOWN, error=error)
    unknown = Ticket.objects.filter(thread_id=thread_id, execution=Execution.UNKNOWN).order_by("-id").first()
    if unknown is None:
        return ""
    return f"It is not known whether “{unknown.action}” happened (ticket {unknown.pk}); look before going on."
