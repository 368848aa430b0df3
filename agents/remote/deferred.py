"""Calls that a framework holds back until somebody has answered: each is a ticket under the framework's own id of it.

All are asked before any is waited for, and all are decided before any answer is taken: an answer is given once, and
who has to wait for the others would lose it. Who takes an answer says afterwards what the call returned; a call of
which nothing is said stays “started”.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import steps
from .client import Countersign, Ticket
from .errors import AlreadyFailed, InDoubt, NotApproved
from .guards import GRACE

#: What the agent hears where people approved other arguments than those the framework would run.
CHANGED = "People approved this with other arguments, which {framework} cannot run; call it again with {args}."

#: Tickets whose answer this process has taken and not reported yet, by framework and call.
_taken: dict[str, int] = {}
#: Answers that were taken together with one that could not be; handed out when all are there, by ticket and call.
_held_back: dict[tuple[int, str], Allowed | Denied] = {}


@dataclass(frozen=True, kw_only=True)
class HeldCall:
    """A call that waits inside a framework."""

    framework: str
    call_id: str
    action: str
    args: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same after a crash."""
        return f"{self.framework}/{self.call_id}"


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """It may run, with these arguments, and nobody else was told so."""

    args: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Denied:
    """It must not run, and this is what the agent hears."""

    why: str


def ask(call: HeldCall, *, client: Countersign, **fields: Any) -> Ticket:
    """Open its ticket, or find it."""
    return client.request(call.action, dict(call.args), idempotency_key=call.key, **fields)


def settle(
    call: HeldCall, ticket: Ticket, *, client: Countersign, timeout: float | None = None, takes_edits: bool = False
) -> Allowed | Denied:
    """Wait until people have decided, and take their answer. Raises StillWaiting after `timeout` seconds.

    A framework that runs its call as it was made `takes_edits` not: what people changed is then not run at all, and
    that is reported.
    """
    wanted = steps.permitted(
        ticket.facts, name=uuid.uuid4().hex, timeout=timeout, grace=GRACE, patience=client.patience
    )
    try:
        verdict = client.run(wanted)
    except (NotApproved, InDoubt, AlreadyFailed) as refusal:
        return Denied(why=str(refusal))
    if isinstance(verdict, steps.Done):
        return Denied(why=f"It ran before, and returned: {verdict.result}")
    if verdict.ticket["revision"] > 1 and not takes_edits:
        why = CHANGED.format(framework=call.framework, args=json.dumps(verdict.ticket["args"], ensure_ascii=False))
        client.run(steps.reported(ticket.id, state="failed", error=why, patience=client.patience))
        return Denied(why=why)
    _taken[call.key] = ticket.id
    return Allowed(args=verdict.ticket["args"])


def settle_all(
    asked: Sequence[tuple[HeldCall, Ticket]],
    *,
    client: Countersign,
    timeout: float | None = None,
    takes_edits: bool = False,
) -> list[Allowed | Denied]:
    """`settle` for calls that the framework goes on with together: the answers of all of them, or none."""
    ends = None if timeout is None else time.monotonic() + timeout
    for _, ticket in asked:
        ticket.wait(_rest(ends))
    found: dict[tuple[int, str], Allowed | Denied] = {}
    try:
        # Who was decided last can be taken back longest; once that answer is given, the others can be taken at once.
        for call, ticket in sorted(asked, key=_released_at, reverse=True):
            place = ticket.id, call.key
            held = _held_back.pop(place, None)
            found[place] = held or settle(call, ticket, client=client, timeout=_rest(ends), takes_edits=takes_edits)
    except BaseException:
        _held_back.update(found)
        raise
    return [found[ticket.id, call.key] for call, ticket in asked]


def report(key: str, *, result: Any, client: Countersign) -> None:
    """Say what the call returned; what this process did not ask people about is passed over."""
    if ticket_id := _taken.pop(key, None):
        client.run(steps.reported(ticket_id, state="succeeded", result=result, patience=client.patience))


def _rest(ends: float | None) -> float | None:
    return None if ends is None else max(0.0, ends - time.monotonic())


def _released_at(asked: tuple[HeldCall, Ticket]) -> str:
    return asked[1].release_at or ""
