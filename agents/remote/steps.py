"""What to send and when, without sending anything: generators that yield calls and pauses, and are told the replies.

So there is one of each for code with an event loop and code without. Every call may be repeated: asking carries a
key and claiming a name, so a reply that got lost costs nothing but time.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import results
from .errors import (
    AlreadyFailed,
    Answered,
    Expired,
    InDoubt,
    NotApproved,
    Refused,
    Rejected,
    StillWaiting,
    Unreachable,
    Unusable,
    Withdrawn,
)

T = TypeVar("T")
Facts = dict[str, Any]

#: As long as the server lets anybody wait.
LONGEST_WAIT = 60
LONGEST_PAUSE = 15.0
#: An answer that came sooner than this was not waited for.
BRIEF = 0.5
#: The server is busy or away; anything else it has answered.
AGAIN = {0, 429, 502, 503, 504}
ENDINGS: Mapping[str, type[NotApproved]] = {
    "rejected": Rejected,
    "expired": Expired,
    "answered": Answered,
    "cancelled": Withdrawn,
    "superseded": Withdrawn,
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: How long the server may take beside the usual.
    wait: float = 0


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Nothing for a while."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back; status 0: nothing did."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Approved:
    """The action may run now, and here: nobody else was given the answer."""

    ticket: Facts


@dataclass(frozen=True, kw_only=True)
class Done:
    """The action ran before; this is what became of it."""

    result: Any


@dataclass(frozen=True, kw_only=True)
class Act:
    """The action itself: it returns, or what it awaits does, or it raises, all into the steps."""

    call: Callable[[], Any]


#: Each kind of step is told something of its own: a call its reply, an action its result, a pause nothing.
Steps = Generator[Call | Pause | Act, Any, T]


def sent(call: Call, *, patience: float) -> Steps[Facts]:
    """Send until the server answers, ever more slowly. Raises Refused, or Unreachable after so many seconds."""
    ends = time.monotonic() + patience
    for attempt in itertools.count():
        reply: Reply = yield call
        if reply.status not in AGAIN:
            return _read(reply)
        pause = _pause(reply, attempt)
        if time.monotonic() + pause > ends:
            raise Unreachable(f"Countersign did not answer for {patience:.0f} seconds: {reply.why or reply.status}")
        yield Pause(seconds=pause)
    raise AssertionError


def asked(body: Facts, *, key: str, patience: float) -> Steps[Facts]:
    """Open a ticket, or find the one that was opened under this key. Raises Unusable where no header can hold it."""
    if not (key.isascii() and key.isprintable()):
        raise Unusable("An idempotency key has letters, digits and signs of ASCII, on one line.")
    headers = {"Idempotency-Key": key}
    return (yield from sent(Call(method="POST", path="tickets", body=body, headers=headers), patience=patience))


def seen(ticket_id: int, *, wait: int = 0, patience: float) -> Steps[Facts]:
    """The ticket as it is now, or as soon as it is decided."""
    call = Call(method="GET", path=f"tickets/{ticket_id}", query={"wait": wait}, wait=wait)
    return (yield from sent(call, patience=patience))


def decided(ticket: Facts, *, timeout: float | None, patience: float) -> Steps[Facts]:
    """Wait until people are no longer asked. Raises StillWaiting."""
    ends = None if timeout is None else time.monotonic() + timeout
    while ticket["state"] == "pending":
        rest = LONGEST_WAIT if ends is None else min(LONGEST_WAIT, math.ceil(ends - time.monotonic()))
        if rest <= 0:
            raise StillWaiting(f"Ticket {ticket['id']} ({ticket['action']}) still waits for people.")
        began = time.monotonic()
        ticket = yield from seen(ticket["id"], wait=rest, patience=patience)
        if ticket["state"] == "pending" and time.monotonic() - began < BRIEF:
            yield Pause(seconds=BRIEF)  # a server that lets nobody wait
    return ticket


def permitted(
    ticket: Facts, *, name: str, timeout: float | None, grace: float, patience: float
) -> Steps[Approved | Done]:
    """Wait for people, then take the answer under this name: whoever gets `Approved` runs the action, once.

    Raises NotApproved, StillWaiting; InDoubt or AlreadyFailed where somebody else was given the answer before.
    """
    while True:
        ticket = yield from decided(ticket, timeout=timeout, patience=patience)
        if ticket["state"] != "approved":
            raise ENDINGS[ticket["state"]](ticket)
        try:
            call = Call(method="POST", path=f"tickets/{ticket['id']}/claim", body={"claim": name})
            return Approved(ticket=(yield from sent(call, patience=patience)))
        except Refused as refusal:
            if refusal.code == "already_claimed":
                return Done(result=(yield from _elsewhere(ticket["id"], grace=grace, patience=patience)))
            if refusal.code != "not_released":
                raise
            yield Pause(seconds=min(float(refusal.facts.get("retry_after", 1)), LONGEST_PAUSE))
            ticket = yield from seen(ticket["id"], patience=patience)


def reported(ticket_id: int, *, state: str, result: Any = None, error: str = "", patience: float) -> Steps[None]:
    """Say what became of the action. That it was said before, perhaps by this very call, is no error."""
    body = {"state": state, "result": results.kept(result), "error": results.words(error)}
    try:
        yield from sent(Call(method="POST", path=f"tickets/{ticket_id}/outcome", body=body), patience=patience)
    except Refused as refusal:
        if refusal.code == "too_large":
            short = f"The result is too large to be kept: {refusal.detail}"
            yield from reported(ticket_id, state=state, result=short, error=error[:1_000], patience=patience)
        elif refusal.code != "already_reported":
            raise


def _elsewhere(ticket_id: int, *, grace: float, patience: float) -> Steps[Any]:
    """Another process was given the answer. Wait a while for what it says, then say that nobody knows."""
    ends = time.monotonic() + grace
    while True:
        ticket = yield from seen(ticket_id, patience=patience)
        effect = ticket["effect"] or {}
        if effect.get("state") == "succeeded":
            return effect["result"]
        if effect.get("state") == "failed":
            raise AlreadyFailed(f"Ticket {ticket_id} was tried before and did not happen: {effect['error'] or ''}")
        if effect.get("state") == "unknown" or time.monotonic() >= ends:
            break
        yield Pause(seconds=min(1.0, grace))
    if effect.get("state") != "unknown":
        lost = "The process that set about this did not say what became of it."
        yield from reported(ticket_id, state="unknown", error=lost, patience=patience)
    raise InDoubt(f"Nobody knows what became of ticket {ticket_id}; a person has to look: {ticket['url']}")


def _read(reply: Reply) -> Facts:
    if reply.status < 400 and isinstance(reply.body, dict):
        return reply.body
    told = reply.body if isinstance(reply.body, dict) else {}
    code, detail = told.get("code", "unreadable"), told.get("detail", "The server's answer cannot be read.")
    raise Refused(status=reply.status, code=code, detail=detail, facts=told)


def _pause(reply: Reply, attempt: int) -> float:
    told = reply.headers.get("retry-after", "")
    pause: float = 0.25 * 2 ** min(attempt, 6)
    asked_for = float(told) if told.isdecimal() else 0.0
    jitter = random.uniform(0.75, 1.0)  # noqa: S311 - no secret
    # No sooner than it was told; those who were all told the same do not all come back at once.
    return max(min(pause, LONGEST_PAUSE) * jitter, min(asked_for, float(LONGEST_WAIT)) * (2 - jitter))
