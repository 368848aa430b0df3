"""What a draft of the policies would have made of past requests: what would run by itself, what changes tier.

Each past ticket is weighed as it was proposed, in the order in which they came, with running totals as they
stood then. Conditions are compiled once, rows are streamed, and nothing is kept but counts and a few ids.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Any, NamedTuple

from django.db import connection, transaction

from approvals import digests, matching, policy, totals
from approvals.conditions import ConditionError, Total
from approvals.contract import Card, ProposedAction
from approvals.matching import Rule, Terms
from approvals.states import Gate, Outcome, Risk, TicketState

#: Tickets that are named, of each kind; the rest is only counted.
NAMED = 20
CHUNK = 2_000
HOUR = 3_600
#: What people said to requests that would now run by themselves, the worst first.
OBJECTIONS = (Outcome.REJECTED, Outcome.EDITED, Outcome.ANSWERED, Outcome.TIMED_OUT)

#: A tuple is made for each ticket and an object for each risk: there may be 100,000.
_CARDS = {risk: Card(risk=risk) for risk in ("", *Risk.values)}

_PAST = """
SELECT ticket.id, ticket.graph, ticket.action, ticket.confidence, coalesce(ticket.card ->> 'risk', ''),
    ticket.risk, ticket.gate, ticket.state,
    ticket.outcome, ticket.answer_releases, ticket.requester_id, coalesce(person.username, ''),
    extract(epoch FROM ticket.opened_at)::float8, extract(epoch FROM ticket.resolved_at)::float8,
    proposed.args::text, edited.args::text
FROM approvals_ticket AS ticket
JOIN approvals_revision AS proposed ON proposed.ticket_id = ticket.id AND proposed.number = 1
LEFT JOIN approvals_revision AS edited
    ON edited.ticket_id = ticket.id AND edited.number = ticket.revision AND ticket.revision > 1
LEFT JOIN auth_user AS person ON person.id = ticket.requester_id
WHERE ticket.opened_at >= to_timestamp(%s)
ORDER BY ticket.opened_at, ticket.id
"""

_BEGIN = """
SELECT greatest(
    extract(epoch FROM statement_timestamp() - make_interval(days => %s)),
    (SELECT extract(epoch FROM opened_at) FROM approvals_ticket ORDER BY opened_at DESC, id DESC OFFSET %s LIMIT 1)
)::float8
"""


class Past(NamedTuple):
    """One ticket as the query returns it."""

    id: int
    graph: str
    action: str
    confidence: float | None
    #: What the card of the action said when it was asked for.
    known_risk: str
    risk: str
    gate: str
    state: str
    outcome: str
    answer_releases: bool
    requester_id: int | None
    requester: str
    opened_at: float
    resolved_at: float | None
    proposed: str
    edited: str | None

    @property
    def tier(self) -> tuple[str, str]:
        """How it was weighed in fact."""
        return self.risk, self.gate


@dataclass(kw_only=True)
class Report:
    """What came of it."""

    days: int
    tickets: int = 0
    #: Would run by themselves, and those of them that did so anyway.
    auto: int = 0
    auto_already: int = 0
    #: What became of those that would be new, by outcome; "" where it still waits.
    outcomes: Counter[str] = field(default_factory=Counter)
    #: Ran by themselves, and would wait for people.
    stopped: int = 0
    tiers: Counter[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, past: Past, terms: Terms) -> None:
        """Count one ticket."""
        after = (str(terms.risk), str(terms.gate))
        self.tickets += 1
        if terms.condition_error:
            self.errors[terms.condition_error] += 1
        if after != past.tier:
            self.tiers[past.tier, after] += 1
        if terms.gate != Gate.AUTO:
            self.stopped += past.gate == Gate.AUTO
            return
        self.auto += 1
        if past.gate == Gate.AUTO:
            self.auto_already += 1
            return
        self.outcomes[past.outcome] += 1
        if past.outcome in OBJECTIONS and len(self.named[past.outcome]) < NAMED:
            self.named[past.outcome].append(past.id)


def after(change: Callable[[], object]) -> list[Rule]:
    """The rules that would be in force after this change; the change itself is taken back."""
    with transaction.atomic():
        change()
        rules = policy.in_force()
        transaction.set_rollback(True)
    return rules


def run(rules: Sequence[Rule], *, days: int, most: int | None = None) -> Report:
    """Weigh the tickets of the last days, at most so many of the newest, under these rules."""
    report, replay = Report(days=days), Replay(rules)
    begin = _begin(days, most)
    for past in _stream(begin - replay.reach):
        args = json.loads(past.proposed)
        if past.opened_at >= begin:
            report.add(past, _weigh(past, args, rules, replay))
        replay.add(past, args)
    return report


class Replay:
    """Running totals as they stood when each ticket came; the arguments are those it ended with."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Only the totals of these rules are followed."""
        self.totals = {total for rule in rules for total in matching.totals_of(rule)}
        #: How far back before the first ticket one must look, in seconds.
        self.reach = max((total.hours for total in self.totals), default=0) * HOUR
        self.windows: dict[tuple[Total, bytes], Window] = defaultdict(Window)

    def at(self, moment: float, subject: totals.Subject) -> Callable[[Total], float]:
        """The totals of a request that came at this moment."""
        return lambda total: self.windows[total, _key(total, subject)].read(moment, total)

    def add(self, past: Past, args: dict[str, Any]) -> None:
        """From now on this ticket counts, until it was refused or its window is over."""
        if not self.totals:
            return
        subject = _subject(past, json.loads(past.edited) if past.edited else args)
        passed = past.state == TicketState.APPROVED or (past.state == TicketState.ANSWERED and past.answer_releases)
        for total in self.totals:
            try:
                window = self.windows[total, _key(total, subject)]
            except ConditionError:
                continue
            ends = inf if past.resolved_at is None else past.resolved_at + (total.hours * HOUR if passed else 0)
            window.add(ends, 1.0 if not total.what else totals.addend(subject.args, total.what))


class Window:
    """The requests that count now under one key, the soonest to leave first."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []
        self.sum = 0.0
        self.odd = 0

    def add(self, ends: float, amount: float | None) -> None:
        """None is an amount that is no number."""
        heappush(self.ends, (ends, -1.0 if amount is None else amount))
        self._move(amount if amount is not None else -1.0, 1)

    def read(self, moment: float, total: Total) -> float:
        """The sum at this moment. Raises ConditionError where something in it is no number."""
        while self.ends and self.ends[0][0] <= moment:
            self._move(heappop(self.ends)[1], -1)
        if self.odd:
            raise ConditionError(f"{total.what} of an earlier request is not a number, so it cannot be added up")
        return self.sum if self.ends else 0.0

    def _move(self, amount: float, sign: int) -> None:
        if amount < 0:
            self.odd += sign
        else:
            self.sum += sign * amount


def _weigh(past: Past, args: dict[str, Any], rules: Sequence[Rule], replay: Replay) -> Terms:
    action = ProposedAction(action=past.action, args=args, confidence=past.confidence, card=_CARDS[past.known_risk])
    facts = matching.facts_of(action, graph=past.graph, requester=past.requester)
    return matching.first(rules, facts, total=replay.at(past.opened_at, _subject(past, args)))


def _subject(past: Past, args: dict[str, Any]) -> totals.Subject:
    return totals.Subject(
        action=past.action, graph=past.graph, requester_id=past.requester_id, requester=past.requester, args=args
    )


def _key(total: Total, subject: totals.Subject) -> bytes:
    return digests.canonical([subject.value(name) for name in total.by])


def _stream(begin: float) -> Iterator[Past]:
    """One cursor in the database, a chunk of rows at a time."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_PAST, [begin])
        while rows := cursor.fetchmany(CHUNK):
            yield from map(Past._make, rows)


def _begin(days: int, most: int | None) -> float:
    with connection.cursor() as cursor:
        # Without a bound there is no such row, and `greatest` passes over it.
        cursor.execute(_BEGIN, [days, most - 1 if most else 2**62])
        begin: float = cursor.fetchone()[0]
    return begin
