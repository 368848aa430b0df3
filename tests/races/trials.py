"""Eight people decide on one ticket at once, and something else happens at the same moment.

Two of the eight are enough. Whatever the race, the ticket is then brought to its end, and eight workers claim it
at once. What must hold is checked on what was written down: the record, the votes, the queue.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection

from approvals import audit, deadlines, sign_off
from approvals.errors import ApprovalError
from approvals.models import AuditEntry, Decision, Ticket
from tests.concurrency.test_races import at_once, vote
from tests.factories import claim, decide, make_policy, open_ticket, overdue

DECIDERS = 8
NEEDED = 2
#: What happens beside the votes.
KINDS = ("votes alone", "edit", "expiry", "revocation", "edit and expiry")


@dataclass(kw_only=True)
class Race:
    """One ticket, those who may sign it, and how many of their words were taken."""

    kind: str
    ticket: Ticket
    signers: list[User]
    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def run(count: int, *, seed: int = 0) -> dict[str, Any]:
    """Race for `count` tickets, every kind in turn. Returns the figures; raises AssertionError at the first break."""
    order, began = random.Random(seed), time.monotonic()
    make_policy(requirements={"reviewers": NEEDED}, bar_editor=False)
    signers = [User.objects.create(username=f"signer-{number}") for number in range(1, DECIDERS + 1)]
    ends: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    refused: Counter[str] = Counter()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        Group.objects.get(name="reviewers").user_set.set(signers)
        race = Race(kind=kind, ticket=open_ticket(), signers=order.sample(signers, DECIDERS))
        try:
            ends[kind][_race(race, order)] += 1
        except AssertionError as broken:
            raise AssertionError(f"ticket {number}, {kind}, seed {seed}: {broken}") from broken
        refused += race.refused
    return {
        "tickets": count,
        "deciders": DECIDERS,
        "seconds": round(time.monotonic() - began, 1),
        "ends": {kind: dict(seen) for kind, seen in ends.items() if seen},
        "refused": dict(refused),
        "broken": 0,
    }


def _race(race: Race, order: random.Random) -> str:
    """Let everybody go, then bring it to its end. What became of it, for the figures."""
    for answer in at_once(*_acts(race, order)):
        if isinstance(answer, ApprovalError):
            race.refused[answer.code] += 1
        elif isinstance(answer, Ticket):
            race.taken += 1
    _check_afterwards(race)
    for _ in range(DECIDERS):  # whoever is gone by now sends it back to the others, once for each claim
        _sign_until_closed(race)
        given = at_once(*[lambda: claim(race.ticket)] * DECIDERS)
        race.ticket.refresh_from_db()
        if not race.ticket.is_open:
            assert given.count(True) == 1, f"claimed {given.count(True)} times"
            break
        assert True not in given, "claimed and waiting again"
    _check_record(race)
    return _name(race)


def _acts(race: Race, order: random.Random) -> list[Callable[[], Any]]:
    editor = order.randrange(DECIDERS) if "edit" in race.kind else None
    args = {"amount": 99, "to": "bob"}
    acts = [
        vote(race.ticket, who, "edit", args=args) if place == editor else vote(race.ticket, who)
        for place, who in enumerate(race.signers)
    ]
    if "expiry" in race.kind:
        shared = Ticket.objects.get(pk=race.ticket.pk)
        acts.append(lambda: bool(overdue(shared)) and deadlines.expire(shared.pk))
    if "revocation" in race.kind:
        acts.append(lambda: [who.groups.clear() for who in race.signers[: DECIDERS // 2]])
    order.shuffle(acts)
    return acts


def _check_afterwards(race: Race) -> None:
    """Right after the race: no acknowledged word is lost, and what has its signatures does not wait."""
    race.ticket.refresh_from_db()
    assert Decision.objects.filter(ticket=race.ticket).count() == race.taken, "a word was lost"
    if race.ticket.is_open:
        # A member who had voted and left may have been the second; nobody has looked since.
        assert sign_off.count(race.ticket).outcome is None, "it has its signatures and waits"
    if race.kind == "votes alone":
        assert (race.ticket.state, race.taken) == ("approved", NEEDED), f"{race.ticket.state} on {race.taken} words"


def _sign_until_closed(race: Race) -> None:
    spoken = race.ticket.decisions.standing(race.ticket.revision).values_list("reviewer", flat=True)
    for who in User.objects.filter(groups__name="reviewers").exclude(pk__in=list(spoken)):
        race.ticket.refresh_from_db()
        if not race.ticket.is_open:
            return
        try:
            decide(race.ticket, who)
        except ApprovalError:  # its deadline passed in the race and nobody has kept it yet
            deadlines.expire(race.ticket.pk)
        else:
            race.taken += 1
    race.ticket.refresh_from_db()


def _check_record(race: Race) -> None:
    """At the end: resolved, queued and delivered as often as it should be, on signatures that count."""
    ticket = race.ticket
    told = Counter(AuditEntry.objects.filter(ticket=ticket).values_list("type", flat=True))
    released = told["ticket.approved"] + told["ticket.expired"]
    assert released == 1 + told["ticket.reopened"], f"released {released} times, {dict(told)}"
    assert _resume_jobs(ticket) == released, f"{_resume_jobs(ticket)} jobs for {released} releases"
    assert told["ticket.delivered"] == 1, f"delivered {told['ticket.delivered']} times"
    assert told["decision.recorded"] == race.taken == ticket.decisions.count(), "the record and the votes differ"
    assert audit.verify_stream(f"ticket/{ticket.pk}") is None, "the chain is broken"
    if ticket.state == "approved":
        signed = ticket.decisions.filter(revision=ticket.revision, digest=ticket.digest)
        people = set(signed.filter(reviewer__groups__name="reviewers").values_list("reviewer", flat=True))
        assert len(people) >= NEEDED, f"delivered on {len(people)} signatures"


def _name(race: Race) -> str:
    reopened = AuditEntry.objects.filter(ticket=race.ticket, type="ticket.reopened").exists()
    edited = ", edited" if race.ticket.revision > 1 else ""
    return f"{race.ticket.state}{edited}{', signers gone and signed anew' if reopened else ''}"


def _resume_jobs(ticket: Ticket) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'agents.resume'"
            " AND (args ->> 'ticket_id')::bigint = %s",
            [ticket.pk],
        )
        return int(cursor.fetchone()[0])
