"""How fast somebody decides. A private word to that person, kept nowhere and shown to nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.contrib.auth.models import User

from approvals import quorum
from approvals.models import Decision

STREAK = 10
#: Between two approvals; faster than this nobody reads what is approved.
READING_SECONDS = 3.0
HOUR = timedelta(hours=1)
#: A streak is spoken of while it is fresh.
FRESH = timedelta(minutes=5)
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What somebody has decided in the last hour, and whether the last words came faster than reading."""

    decided: int
    is_fast: bool


def of(user: User, *, now: datetime) -> Pace:
    """One query; words on many tickets at once count as decided and are no streak."""
    last_hour = Decision.objects.filter(reviewer=user, at__gt=now - HOUR).order_by("-at")
    said = list(last_hour.values_list("type", "at", "batch")[:MOST])
    alone = [(kind, at) for kind, at, batch in said if batch is None][:STREAK]
    return Pace(decided=len(said), is_fast=is_fast(alone, now=now))


def is_fast(said: list[tuple[str, datetime]], *, now: datetime) -> bool:
    """Are these, newest first, ten approvals in a row with hardly a look at each?"""
    if len(said) < STREAK or now - said[0][1] > FRESH or any(kind not in quorum.SIGNS for kind, _ in said):
        return False
    pauses = [(later - earlier).total_seconds() for (_, later), (_, earlier) in pairwise(said)]
    return median(pauses) < READING_SECONDS
