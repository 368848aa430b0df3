"""What the counts say: how each action fares under each version of its policy, who decides, what to look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import connection

from approvals import tallies
from approvals.models import Policy
from approvals.states import Outcome
from approvals.tallies import Count

#: Fewer decisions than this say nothing.
ENOUGH = 20
TOO_STRICT, TOO_MUCH_EDITED = 0.95, 0.30
#: Half of all decisions sooner than this: people may not be reading.
HASTY = timedelta(seconds=3)
#: So many lines and people are shown; the busiest.
SHOWN = 50
FIELDS = 5

_EXPIRED = (Outcome.TIMED_OUT, Outcome.UNOPPOSED, Outcome.BEST_GUESS)
_WITHDRAWN = (Outcome.CANCELLED, Outcome.SUPERSEDED)

_FIELDS = """
SELECT key, count(*) FROM (
    SELECT id, revision FROM approvals_ticket
    WHERE action = %s AND policy_name = %s AND policy_version = %s AND outcome = 'edited' AND state <> 'pending'
        AND resolved_at >= clock_timestamp() - make_interval(days => %s)
    ORDER BY resolved_at DESC, id DESC LIMIT 500
) AS ticket
JOIN approvals_revision AS asked ON asked.ticket_id = ticket.id AND asked.number = 1
JOIN approvals_revision AS signed ON signed.ticket_id = ticket.id AND signed.number = ticket.revision
CROSS JOIN LATERAL jsonb_object_keys(asked.args || signed.args) AS key
WHERE asked.args -> key IS DISTINCT FROM signed.args -> key
GROUP BY key ORDER BY count(*) DESC, key LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One action under one version of a policy, or under all there were."""

    action: str
    policy: str
    version: int
    tickets: int
    approved: int
    edited: int
    rejected: int
    answered: int
    expired: int
    unasked: int
    withdrawn: int
    escalated: int
    half: timedelta | None
    most: timedelta | None

    @property
    def decided(self) -> int:
        """How many somebody decided."""
        return self.approved + self.edited + self.rejected + self.answered

    @property
    def unmodified(self) -> float:
        """The share of the decided ones that were approved as proposed."""
        return self.approved / self.decided if self.decided else 0.0

    @property
    def changed(self) -> float:
        """The share of the decided ones that were edited."""
        return self.edited / self.decided if self.decided else 0.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that somebody should look at."""

    line: Line
    #: The policy's row, where it still has that name.
    policy_id: int | None
    is_strict: bool
    is_hasty: bool
    #: The arguments that people change most, and how often each.
    fields: list[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it, over some days."""

    days: int
    #: Every action there is something to say of.
    actions: list[str]
    lines: list[Line]
    #: Actions under versions of policies that are not shown.
    more: int
    hours: list[int]
    reviewers: list[tuple[str, int]]
    findings: list[Finding]


def over(days: int, *, action: str = "") -> Report:
    """The figures of the last days, of all actions or of one."""
    counted = tallies.over(days)
    counts = [one for one in counted if one.action == action] if action else counted
    lines = per_version(counts)
    hours = _sums((int(one.key), one.number) for one in counts if one.what == "hour")
    return Report(
        days=days,
        actions=sorted({one.action for one in counted if one.action}),
        lines=lines[:SHOWN],
        more=max(0, len(lines) - SHOWN),
        hours=[hours[hour] for hour in range(24)],
        reviewers=_reviewers(counts),
        findings=list(_findings(lines, days=days)),
    )


def per_version(counts: Iterable[Count]) -> list[Line]:
    """Each action under each version of a policy, the most frequent first."""
    return sorted(_lines(counts), key=lambda line: (-line.tickets, line.action, line.policy, -line.version))


def per_action(counts: Iterable[Count]) -> list[Line]:
    """Each action under all of its policies together, the most frequent first."""
    return per_version(one._replace(policy="", version=0) for one in counts)


def _lines(counts: Iterable[Count]) -> Iterator[Line]:
    found: dict[tuple[str, str, int], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in counts:
        if one.what in {"outcome", "escalated", "took"}:
            found[one.action, one.policy, one.version][one.what][one.key] += one.number
    for (action, policy, version), told in found.items():
        ended = told["outcome"]
        steps = sorted((int(step), count) for step, count in told["took"].items())
        yield Line(
            action=action,
            policy=policy,
            version=version,
            tickets=ended.total(),
            approved=ended[Outcome.APPROVED],
            edited=ended[Outcome.EDITED],
            rejected=ended[Outcome.REJECTED],
            answered=ended[Outcome.ANSWERED],
            expired=sum(ended[outcome] for outcome in _EXPIRED),
            unasked=ended[Outcome.AUTO_APPROVED],
            withdrawn=sum(ended[outcome] for outcome in _WITHDRAWN),
            escalated=told["escalated"].total(),
            half=_percentile(steps, 0.5),
            most=_percentile(steps, 0.95),
        )


def _percentile(steps: list[tuple[int, int]], share: float) -> timedelta | None:
    """The time within which this share was decided, as exactly as the steps of the histogram are."""
    left = share * sum(count for _, count in steps)
    for step, count in steps:
        left -= count
        if left <= 0:
            return tallies.took(step)
    return None


def _reviewers(counts: Iterable[Count]) -> list[tuple[str, int]]:
    said = _sums((int(one.key), one.number) for one in counts if one.what == "reviewer").most_common(SHOWN)
    names = dict(User.objects.filter(pk__in=[person for person, _ in said]).values_list("pk", "username"))
    return [(names[person], count) for person, count in said if person in names]


def _findings(lines: list[Line], *, days: int) -> Iterator[Finding]:
    odd = [line for line in lines if line.decided >= ENOUGH and (_is_strict(line) or line.changed > TOO_MUCH_EDITED)]
    names = Policy.objects.filter(name__in={line.policy for line in odd})
    rows = {name: (number, version) for name, number, version in names.values_list("name", "pk", "version")}
    # What an earlier version asked for says nothing of the one in force.
    in_force = [line for line in odd if line.policy not in rows or rows[line.policy][1] == line.version]
    for line in in_force[:SHOWN]:
        yield Finding(
            line=line,
            policy_id=rows[line.policy][0] if line.policy in rows else None,
            is_strict=_is_strict(line),
            is_hasty=line.half is not None and line.half < HASTY,
            fields=[] if _is_strict(line) else _fields(line, days=days),
        )


def _is_strict(line: Line) -> bool:
    return line.unmodified > TOO_STRICT


def _fields(line: Line, *, days: int) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_FIELDS, [line.action, line.policy, line.version, days, FIELDS])
        return [(str(name), int(count)) for name, count in cursor.fetchall()]


def _sums(pairs: Iterable[tuple[int, int]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for key, count in pairs:
        found[key] += count
    return found
