"""How tickets ended, counted by the day. Days that are over are counted once; what ended today is counted when asked.

Times to a decision are kept as a histogram whose steps are a sixteenth of a doubling, so a percentile is right within
three in a hundred, however many tickets there are.
"""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from approvals.models import TalliedDay, Ticket
from approvals.states import TicketState

#: Nobody asks for more days, and a worker counts as many.
LONGEST = 90
PERIOD_SECONDS = 600.0
#: Steps of the histogram to a doubling of the time.
STEPS = 16

# The tickets that ended from one moment to another, counted in each way that a figure needs.
_COUNTED = f"""
WITH ended AS MATERIALIZED (
    SELECT id, revision, action, policy_name AS policy, policy_version AS version, outcome,
        escalations > 0 AS escalated, extract(hour FROM resolved_at AT TIME ZONE 'UTC')::int AS hour,
        CASE WHEN outcome IN ('approved', 'edited', 'rejected', 'answered') THEN floor(
            ln(greatest(extract(epoch FROM resolved_at - opened_at)::float8, 1)) / ln(2.0::float8) * {STEPS}
        )::int END AS took
    FROM approvals_ticket
    WHERE state <> 'pending' AND resolved_at >= (%(first)s)::date::timestamp AT TIME ZONE 'UTC'
        AND resolved_at < ((%(last)s)::date + 1)::timestamp AT TIME ZONE 'UTC'
)
SELECT action, policy, version, 'outcome' AS what, outcome::text AS key, count(*) AS count FROM ended
    GROUP BY 1, 2, 3, 5
UNION ALL SELECT action, policy, version, 'escalated', '', count(*) FROM ended WHERE escalated GROUP BY 1, 2, 3
UNION ALL SELECT action, '', 0, 'hour', hour::text, count(*) FROM ended GROUP BY action, hour
UNION ALL SELECT action, policy, version, 'took', took::text, count(*) FROM ended WHERE took IS NOT NULL
    GROUP BY action, policy, version, took
UNION ALL SELECT action, '', 0, 'reviewer', said.reviewer_id::text, count(*)
    FROM ended JOIN approvals_decision AS said ON said.ticket_id = ended.id AND said.withdrawn_at IS NULL
    GROUP BY action, said.reviewer_id
"""  # noqa: S608 - a number of our own
_KEEP = f"""
INSERT INTO approvals_tally (day, action, policy, version, what, key, count)
SELECT (%(first)s)::date, counted.* FROM ({_COUNTED}) AS counted
"""  # noqa: S608
_SUM = f"""
SELECT action, policy, version, what, key, sum(count)::bigint FROM (
    SELECT action, policy, version, what, key, count FROM approvals_tally WHERE day >= %(since)s
    UNION ALL SELECT * FROM ({_COUNTED}) AS today
) AS counted GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608
_TODAY = "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date"


class Count(NamedTuple):
    """So many tickets of an action under a version of a policy: `what` is outcome, escalated or took; or of an action,
    whatever its policy: hour or reviewer."""

    action: str
    policy: str
    version: int
    what: str
    key: str
    number: int


def over(days: int) -> list[Count]:
    """What ended in the last so many days, today among them. Days that were not counted yet are counted now."""
    keep(days=days)
    today = _today()
    known = {"since": today - timedelta(days=days - 1), "first": today, "last": today}
    with connection.cursor() as cursor:
        cursor.execute(_SUM, known)
        return [Count(*row) for row in cursor.fetchall()]


def keep(*, days: int = LONGEST) -> int:
    """Count those of the last days that are over and not counted; how many were."""
    today, first = _today(), _first()
    if first is None:
        return 0
    since = max(first, today - timedelta(days=days - 1))
    known = set(TalliedDay.objects.filter(day__gte=since).values_list("day", flat=True))
    over = (since + timedelta(days=n) for n in range((today - since).days))
    return sum(_keep(day) for day in over if day not in known)


def took(step: int) -> timedelta:
    """The time in the middle of a step of the histogram."""
    return timedelta(seconds=2 ** ((step + 0.5) / STEPS))


def _keep(day: date) -> bool:
    """One day. Whoever else counts the same one waits, and then has nothing to do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('tallies/' || %s::date, 0))", [day])
        cursor.execute("INSERT INTO approvals_talliedday VALUES (%s) ON CONFLICT DO NOTHING", [day])
        if not cursor.rowcount:
            return False
        cursor.execute("DELETE FROM approvals_tally WHERE day = %s", [day])
        cursor.execute(_KEEP, {"first": day, "last": day})
        return True


def _first() -> date | None:
    """The first day on which anything ended."""
    ended = Ticket.objects.exclude(state=TicketState.PENDING).order_by("resolved_at")
    found = ended.values_list("resolved_at", flat=True).first()
    return found.astimezone(UTC).date() if found else None


def _today() -> date:
    with connection.cursor() as cursor:
        cursor.execute(_TODAY)
        found: date = cursor.fetchone()[0]
    return found
