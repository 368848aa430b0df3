"""How urgent a ticket is, as one number; small comes first.

The database computes it for its indexes (`approvals_urgency`, 0047_steps), Python for a row that is pushed. Deadlines
in the same five minutes count as one, or the seconds between two requests would hide the risk.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models

from approvals.states import Risk

if TYPE_CHECKING:
    from approvals.models.tickets import Ticket

#: What was escalated first, then the nearest step of the deadline, the highest risk, the deadline itself.
URGENCY = models.Func(
    "escalations", "deadline_at", "risk", function="approvals_urgency", output_field=models.BigIntegerField()
)
#: Most urgent first where two tickets are due in the same step.
RISK_ORDER = {Risk.CRITICAL: 0, Risk.HIGH: 1, Risk.MEDIUM: 2, Risk.LOW: 3}
STEP = timedelta(minutes=5)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEP = STEP // _MICROSECOND
#: The deadline of what has none: the year 2096.
_NEVER = 4_000_000_000_000_000
#: From the lowest bit: what is left of the deadline within its step, the risk, the step, and not escalated.
_RISK_AT, _STEP_AT, _UNESCALATED = 29, 31, 1 << 60


def of(ticket: Ticket) -> int:
    """The number that the database computes for this ticket."""
    due = _NEVER if ticket.deadline_at is None else min((ticket.deadline_at - _EPOCH) // _MICROSECOND, _NEVER)
    steps, rest = divmod(due, _STEP)
    above = 0 if ticket.escalations else _UNESCALATED
    return above | steps << _STEP_AT | RISK_ORDER[Risk(ticket.risk)] << _RISK_AT | rest


def nearest_deadline(urgencies: Iterable[int]) -> datetime | None:
    """The nearest of the deadlines that are in these urgencies, escalated or not; None where there is none."""
    soonest = min(map(_deadline, urgencies), default=_NEVER)
    return None if soonest >= _NEVER else _EPOCH + soonest * _MICROSECOND


def _deadline(urgency: int) -> int:
    steps = (urgency & (_UNESCALATED - 1)) >> _STEP_AT
    return steps * _STEP + (urgency & ((1 << _RISK_AT) - 1))
