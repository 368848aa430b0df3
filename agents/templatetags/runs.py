"""What a ticket's page says about its run. Here, because `approvals` knows no runs."""

from __future__ import annotations

from typing import Any

from django import template

from agents import access
from agents.models import Effect, EffectState, Run
from approvals.models import Ticket

register = template.Library()


@register.simple_tag
def run_of(thread_id: str, user: Any) -> Run | None:
    """The run behind a thread, if Countersign drives it and the reader may see it."""
    return Run.objects.visible_to(user).filter(thread_id=thread_id).first()


@register.simple_tag
def questions_of(run: Run, user: Any) -> list[Ticket]:
    """What people are being asked before a run that broke off can go on, as `access.questions` gives it."""
    tickets = Ticket.objects.visible_to(user).filter(thread_id=run.thread_id)
    return access.questions(run, tickets=list(tickets)) if run.error else []


@register.simple_tag
def effects_of(ticket_id: int | None) -> list[Effect]:
    """What the ledger knows of a ticket's action, newest first."""
    return list(Effect.objects.filter(ticket=ticket_id).order_by("-id")) if ticket_id else []


#: Drawn with a stroke on a 12-unit square; shapes differ, so that colour is never alone.
MARKS = {
    "waiting": "M4 2v8M8 2v8",
    "failed": "m2.5 2.5 7 7M9.5 2.5l-7 7",
    "done": "m2 6.5 2.5 2.5 5.5-6",
}


@register.filter
def mark(state: str) -> str:
    """The small drawing of what happened to a node."""
    return MARKS.get(state, "")


#: An effect is drawn like the run that would be as far.
BADGES: dict[str, str] = {
    EffectState.AUTHORISED: "queued",
    EffectState.STARTED: "running",
    EffectState.HAPPENED: "succeeded",
    EffectState.NOT_HAPPENED: "failed",
    EffectState.WITHDRAWN: "cancelled",
}


@register.filter
def badge_of(state: str) -> str:
    """The badge of an effect's state."""
    return BADGES.get(state, state)


@register.filter
def asked(run: Run) -> str:
    """What the run was asked in the asker's words, or which graph where there are none."""
    return _words(run) or run.graph


@register.filter
def is_nameless(run: Run) -> bool:
    """Does only its thread tell it from other runs of its graph?"""
    return not _words(run)


def _words(run: Run) -> str:
    given = run.input if isinstance(run.input, dict) else {}
    messages = given.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    told = next((given[key] for key in ("message", "request", "task") if key in given), None)
    words = last.get("content") if isinstance(last, dict) else told
    return words if isinstance(words, str) and 0 < len(words) <= 300 else ""
