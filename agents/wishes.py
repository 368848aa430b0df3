"""What people may ask of a run: cancel it, try it again, repair it. Light: no graph is loaded here.

A wish is written down with who made it, and a job asks a worker to do it; a run that no worker drives is
cancelled at once. `actor` is the person, or None for the operator at the command line.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from agents import jobs, leases, runs
from agents.errors import AnswerWaits, NotYours, RunErased, UnknownThread, WrongStatus
from agents.models import Run, RunStatus, Wish
from approvals import audit

CANCELLABLE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
RETRYABLE = (RunStatus.FAILED,)
REPAIRABLE = (RunStatus.FAILED, RunStatus.PAUSED)
#: The token grows, so a worker that was about to go on with a waiting run is refused.
FREE: dict[str, Any] = {"lease_token": F("lease_token") + 1, "lease_expires_at": None, "lease_owner": ""}


def may_steer(user: Any, run: Run) -> bool:
    """Is this the run's requester, or somebody who may change every run?"""
    if not getattr(user, "is_active", False) or user.pk is None:
        return False
    return run.requester_id == user.pk or bool(user.has_perm("agents.change_run"))


def may_cancel(user: Any, run: Run) -> bool:
    """Would `request_cancel` do something for this user?"""
    return may_steer(user, run) and run.status in CANCELLABLE and run.wish != Wish.CANCEL


def may_retry(user: Any, run: Run) -> bool:
    """Would `request_retry` do something for this user?"""
    return (
        may_steer(user, run) and not run.erased_at and run.status in RETRYABLE and runs.in_doubt(run.thread_id) is None
    )


def _may_wake(user: Any, run: Run) -> bool:
    return may_steer(user, run) and not run.erased_at


def may_repair(user: Any, run: Run) -> bool:
    """Would `request_repair` do something for this user?"""
    if (
        not may_steer(user, run)
        or run.erased_at
        or run.status not in REPAIRABLE
        or runs.in_doubt(run.thread_id) is not None
    ):
        return False
    return run.status != RunStatus.PAUSED or runs.untold(run.thread_id) is None


def request_cancel(thread_id: str, *, actor: User | None) -> Run:
    """Cancel the run: at once while it waits, after the step it is in while a worker drives it.

    Its tickets are withdrawn, and it never goes on. Raises UnknownThread, NotYours or WrongStatus.
    """
    with transaction.atomic():
        run = _locked(thread_id, actor=actor, wanted=CANCELLABLE)
        if run.status != RunStatus.RUNNING or Run.objects.filter(leases.is_free(), pk=run.pk).exists():
            _cancel(run, actor=actor)
        elif run.wish != Wish.CANCEL:
            _wish(run, Wish.CANCEL, actor=actor)
    return runs.find(thread_id)


def request_retry(thread_id: str, *, actor: User | None) -> Run:
    """Ask a worker to enter the failed step again, from the checkpoint before it.

    Raises UnknownThread, NotYours, WrongStatus, or InDoubt where an approved action may have happened.
    """
    return _queue(thread_id, Wish.RETRY, actor=actor, wanted=RETRYABLE)


def request_repair(thread_id: str, *, actor: User | None) -> Run:
    """Ask a worker to ask the open questions again: the answer that the graph could not use is taken back.

    Raises UnknownThread, NotYours, WrongStatus, InDoubt where an approved action may have happened, or
    AnswerWaits where a person's word is still to be told.
    """
    return _queue(thread_id, Wish.REPAIR, actor=actor, wanted=REPAIRABLE)


def _queue(thread_id: str, wish: Wish, *, actor: User | None, wanted: tuple[RunStatus, ...]) -> Run:
    with transaction.atomic():
        run = _locked(thread_id, actor=actor, wanted=wanted)
        unknown = runs.in_doubt(thread_id)
        if unknown is not None:
            raise unknown
        untold = runs.untold(thread_id) if wish == Wish.REPAIR and run.status == RunStatus.PAUSED else None
        if untold is not None:
            raise AnswerWaits(ticket=untold)
        _wish(run, wish, actor=actor, status=RunStatus.QUEUED, ended_at=None, **FREE)
        jobs.enqueue(thread_id)
    return runs.find(thread_id)


def _locked(thread_id: str, *, actor: User | None, wanted: tuple[RunStatus, ...]) -> Run:
    run = Run.objects.select_for_update().filter(thread_id=thread_id).first()
    if run is None:
        raise UnknownThread(thread_id=thread_id)
    if actor is not None and not may_steer(actor, run):
        raise NotYours(thread_id=thread_id)
    if run.erased_at:
        raise RunErased(thread_id=thread_id)
    if run.status not in wanted:
        raise WrongStatus(thread_id=thread_id, status=run.status, wanted=" or ".join(wanted))
    return run


def _wish(run: Run, wish: Wish, *, actor: User | None, **fields: Any) -> None:
    Run.objects.filter(pk=run.pk).update(wish=wish, wished_by=actor, updated_at=Now(), **fields)
    audit.append(f"run.{wish}_requested", stream=f"run/{run.thread_id}", actor=actor, graph=run.graph)


def _cancel(run: Run, *, actor: User | None) -> None:
    """End a run that no worker drives. What a dead one had let loose may have happened."""
    runs.doubt(run.thread_id)
    error = runs.cancelled_by(actor)
    over: dict[str, Any] = {"status": RunStatus.CANCELLED, "error": error, "ended_at": Now(), "updated_at": Now()}
    Run.objects.filter(pk=run.pk).update(**over, **FREE, **runs.SETTLED)
    runs.record_end(run.thread_id, actor=actor)
