"""Figures per action."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel

from approvals import insights
from approvals.api import tickets
from approvals.api.access import READ, reader
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import reply

router = Router(tags=["insights"])


class Counts(BaseModel):
    """How people decide."""

    tickets: int
    approved: int
    edited: int
    rejected: int
    answered: int
    timed_out: int
    without_a_person: int
    withdrawn: int
    waiting: int
    #: Of those that somebody decided; null where nobody did.
    approval_rate: float | None
    edit_rate: float | None
    median_seconds: float | None


class PolicyFigures(Counts):
    """How people decide on one action under one version of a policy."""

    policy: str
    version: int


class ActionFigures(Counts):
    """How people decide on one action, and under each version of its policies, the most frequent first."""

    action: str
    policies: list[PolicyFigures]


class Figures(BaseModel):
    """Each action, the most frequent first."""

    days: int
    items: list[ActionFigures]


@router.get("", auth=READ, response={200: Figures, **PROBLEMS})
def show(request: HttpRequest, days: Annotated[int, Query(ge=1, le=366)] = insights.DAYS) -> HttpResponse:
    """How people decided, action by action, on what this token's owner may see.

    For who may see every ticket: of those that ended in these days, as the page of figures has it. For others: of
    those that were asked for in these days.
    """
    sees_all = reader(request).has_perm("approvals.view_ticket")
    rows = insights.of_all(days=days) if sees_all else insights.per_action(tickets.visible(request), days=days)
    return reply(Figures(days=days, items=[ActionFigures(**row) for row in rows]))
