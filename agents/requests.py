"""A run that somebody asks for from elsewhere: a row, and a job that asks a worker to drive it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agents import inputs, jobs, model_names, registry, runs, wishes
from agents.errors import WrongStatus
from agents.models import Run, RunStatus
from approvals import digests


def ask(*, graph: str, value: Any, thread_id: str, requester: User, model: str = "") -> Run:
    """The thread's run, queued for a worker; asked for twice with the same words it is asked for once.

    New words continue a thread that waits or is over: what waited is then superseded. Raises UnknownGraph, BadInput,
    UnknownModel, WrongStatus while a worker is busy with other words, and what `runs.check` raises; nothing is changed
    then.
    """
    entry = registry.get(graph)
    inputs.check(entry, value)
    runs.check(thread_id, graph=graph, requester_id=requester.pk)
    model = model or registry.DEFAULT_MODEL
    if entry.base is None:  # what somebody else's graph makes of the name is its own affair
        model_names.check(model)
    with transaction.atomic():
        known = Run.objects.select_for_update().filter(thread_id=thread_id).first()
        if known is None:
            runs.register(thread_id, graph=graph, value=value, requester_id=requester.pk, model=model)
        elif digests.alike(known.input, value):
            return known
        else:
            _continue(known, value=value, model=model)
        jobs.enqueue(thread_id)
    return runs.find(thread_id)


def _continue(run: Run, *, value: Any, model: str) -> None:
    if not RunStatus(run.status).is_over and run.status != RunStatus.PAUSED:
        raise WrongStatus(thread_id=run.thread_id, status=run.status, wanted="paused or over")
    said: dict[str, Any] = {"input": value, "model": model, "updated_at": Now(), "ended_at": None, "error": ""}
    Run.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED, **said, **wishes.FREE, **runs.SETTLED)
