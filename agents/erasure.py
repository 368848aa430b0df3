"""A run that is over, without what it says of people: its tickets, its record, what the ledger kept for the graph, and
the thread in the checkpointer. Who decided what and when stays, and so does what became of each action.

It never goes on afterwards: what it would go on from is gone.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models.functions import Now

from agents import leases, runs
from agents.errors import WrongStatus
from agents.leases import Lease
from agents.models import Effect, Run, RunStatus
from approvals.audit import erasure
from approvals.models import Ticket

OVER = [status for status in RunStatus if status.is_over]
#: What a run says of people, and what stands there afterwards.
EMPTY: dict[str, Any] = {"input": {}, "transcript": [], "output": None, "error": "", "waiting_at": []}
#: What the ledger holds of an effect for people and for its graph.
UNTOLD: dict[str, Any] = {"result": None, "error": "", "late": None, "kept": None, "kept_as": ""}


def erase(thread_id: str, *, reason: str, actor: User | None = None) -> int:
    """Erase a run that is over with all of its tickets; how many entries of the record lost their words.

    All of it is marked and recorded in one transaction, and then the thread leaves the checkpointer: whoever is killed
    in between erases again. Raises UnknownThread, LeaseHeld, Frozen, WrongStatus, or CannotErase for a ticket.
    """
    from agents import checkpoints  # LangGraph takes a second that whoever is refused need not

    _check(runs.find(thread_id))
    lease = leases.taken(thread_id)
    try:
        erased = runs.under(lease, _erase, lease, reason=reason, actor=actor)
        checkpoints.forget(lease)
    finally:
        leases.release(lease)
    return erased


def _check(run: Run) -> None:
    if not run.standing.is_over:
        raise WrongStatus(thread_id=run.thread_id, status=run.standing, wanted=" or ".join(OVER))


def _erase(lease: Lease, *, reason: str, actor: User | None) -> int:
    """The caller holds the run's row lock."""
    _check(runs.find(lease.thread_id))
    asked = Ticket.objects.filter(thread_id=lease.thread_id, about=None).order_by("pk")
    erased = sum(erasure.erase(pk, reason=reason, actor=actor) for pk in list(asked.values_list("pk", flat=True)))
    Effect.objects.filter(thread_id=lease.thread_id).update(**UNTOLD)
    leases.fenced(lease).update(**EMPTY, erased_at=Now())
    return erased + erasure.erase_stream(f"run/{lease.thread_id}", reason=reason, actor=actor, run_too=True)
