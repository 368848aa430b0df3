"""Random schedules: some payments are asked for, people sign, things break, everything heals, and all is checked."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.faults import history
from tests.faults.hands import NeverHappened
from tests.faults.lanes import SIGNERS, Asked, Lane
from tests.faults.nemesis import Nemesis
from tests.faults.voters import Voter

MODES = ("ok",) * 8 + ("slow", "slow", "timeout", "refuse", "unserialisable")
#: What a tool of this mode leaves nobody sure of, whatever breaks beside it.
DOUBTFUL = {"timeout", "reset", "5xx", "garbage"}
HEALED_SECONDS = 90.0
QUEUE = """
WITH made AS (
  INSERT INTO agents_run (thread_id, graph, requester_id, status, input, model, transcript, error, waiting_at,
    lease_token, lease_owner, wish, answering, begun_from, recoveries)
  SELECT %s, 'faults', id, 'queued', %s, 'scripted', '[]', '', '[]', 0, '', '', '', '', 0
  FROM auth_user WHERE username = 'dave' RETURNING thread_id
)
INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
SELECT 'resume', 'agents.drive', jsonb_build_object('thread_id', thread_id), 'todo' FROM made
"""


@dataclass(kw_only=True)
class Result:
    """What one schedule came to."""

    seed: int
    ends: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    figures: dict[str, list[float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def play(lane: Lane, seed: int, *, tickets: int, strikes: int) -> Result:
    """One schedule from its seed. What is broken is in the result; nothing is raised."""
    order, result = random.Random(seed), Result(seed=seed)
    lane.figures, lane.threads = {}, []
    modes = {_queue(lane, mode): mode for mode in order.choices(MODES, k=tickets)}
    voters = [Voter(lane, person, random.Random(order.random())) for person in SIGNERS]
    nemesis = Nemesis(lane, order)
    for voter in voters:
        voter.start()
    try:
        _suffer(lane, nemesis, voters, strikes=strikes, pause=order.uniform(0.2, 2.5))
        nemesis.heal()
        _until_over(lane, nemesis, voters)
    except (AssertionError, psycopg.Error) as stuck:
        result.broken.append(f"{type(stuck).__name__}: {stuck}")
    finally:
        for voter in voters:
            voter.go_home()
    _measure(lane, voters)
    result.did, result.figures = nemesis.did, lane.figures
    result.broken += lane.broken_promises() + _check_ends(lane, modes, result)
    return result


def _queue(lane: Lane, mode: str) -> str:
    thread = f"run-{uuid.uuid4()}"
    message = json.dumps({"amount": 5, "to": "bob", "mode": mode})
    lane.rows(QUEUE, thread, json.dumps({"messages": [{"role": "user", "content": message}]}))
    lane.threads.append(thread)
    return thread


def _suffer(lane: Lane, nemesis: Nemesis, voters: list[Voter], *, strikes: int, pause: float) -> None:
    seen: set[int] = set()
    for _ in range(strikes):
        until = time.monotonic() + pause
        while time.monotonic() < until:
            _put_before(lane, voters, seen)
            nemesis.tend()
            time.sleep(0.1)
        nemesis.strike()


def _until_over(lane: Lane, nemesis: Nemesis, voters: list[Voter]) -> None:
    seen: set[int] = set()
    deadline = time.monotonic() + HEALED_SECONDS
    while left := _unfinished(lane):
        if time.monotonic() > deadline:
            raise NeverHappened(f"stuck for {HEALED_SECONDS:g} s after everything had healed: {left}")
        _put_before(lane, voters, seen)
        nemesis.tend()
        time.sleep(0.2)


def _put_before(lane: Lane, voters: list[Voter], seen: set[int]) -> None:
    """Show everybody what has come up since."""
    query = "SELECT id, thread_id, digest FROM approvals_ticket WHERE state = 'pending' AND thread_id = ANY(%s)"
    for row in lane.rows(query, lane.threads):
        if row["id"] not in seen:
            seen.add(row["id"])
            for voter in voters:
                voter.waiting.put(Asked(thread=row["thread_id"], ticket=row["id"], digest=row["digest"]))


def _unfinished(lane: Lane) -> list[dict[str, Any]]:
    """Runs that have not come to an end and about which nobody is asked."""
    return lane.rows(
        "SELECT thread_id, status, error, lease_owner, wish, recoveries FROM agents_run "
        "WHERE thread_id = ANY(%s) AND status NOT IN ('succeeded', 'failed', 'rejected', 'cancelled')",
        lane.threads,
    )


def _measure(lane: Lane, voters: list[Voter]) -> None:
    """From the word that was enough to the effect; only where both are known."""
    for row in lane.rows("SELECT id, thread_id FROM approvals_ticket WHERE thread_id = ANY(%s)", lane.threads):
        told = [voter.told.get(row["id"]) for voter in voters]
        effects = lane.effects(row["thread_id"])
        if effects and all(told):
            lane.note("acknowledged_to_effect", max(0.0, effects[0]["at"] - max(filter(None, told))))


def _check_ends(lane: Lane, modes: dict[str, str], result: Result) -> list[str]:
    """Each run's end must follow from what its tool does, or be in doubt."""
    broken = []
    happened = Counter(effect["thread"] for effect in history.read_effects(lane.stage.effects))
    for thread, mode in modes.items():
        # What asks people about a doubt is a ticket too, and lets nothing happen itself.
        asked = "SELECT state, execution FROM approvals_ticket WHERE thread_id = %s AND about_id IS NULL"
        known = lane.rows(asked, thread)
        for ticket in known or [{"state": "none", "execution": "not_started"}]:
            end = f"{ticket['state']}, {ticket['execution']}, {happened[thread]} effects"
            result.ends[end] += 1
            if ticket["execution"] == "succeeded" and happened[thread] != 1:
                broken.append(f"{thread} ({mode}): {end}")
            if ticket["execution"] in {"failed", "not_started"} and happened[thread]:
                broken.append(f"{thread} ({mode}): {end}")
            if ticket["state"] == "approved" and ticket["execution"] in {"started", "not_started"}:
                broken.append(f"{thread} ({mode}): {end}, and nobody says why")
    return broken
