"""Carrying out an approved action at most once, whatever enters its code again.

A graph's tools are put through here when it is loaded (`guards`). Whoever writes a graph by hand wraps a tool
with `guards.guarded`, or calls any function through `once`; `idempotency_key` is what its provider should be
given. Outside a run that Countersign drives all of them just call.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db import transaction
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.errors import GraphBubbleUp, GraphInterrupt

from agents import effects, evidence, fence, outcomes, places, workers
from agents.database import AWAY, in_thread, refusal, waited_for
from agents.effects import Call, Claim, Terms
from agents.errors import DatabaseAway, InDoubt, LeaseLost, NotAuthorised, TooEarly
from agents.models import Effect, EffectState
from agents.outcomes import Outcome
from approvals import failpoints, freezes
from approvals.errors import Frozen
from approvals.failpoints import Point

__all__ = ["TOKEN", "aonce", "call_of", "carry_out", "carry_out_sync", "current", "idempotency_key", "once"]

T = TypeVar("T")

#: Where a run's config carries the token of its lease; the underscores keep it out of checkpoints.
TOKEN = "__countersign_token"  # noqa: S105 - it fences and is no secret
#: A tool that knows keys is called so often before anybody is asked.
TRIES = 3
PAUSE_SECONDS = 1.0
#: How long the outcome waits for a database that is away: it is known only here.
WAITS = (0.5, 1, 2, 4, 8)

CLEARED = "it has just been cleared."
LEFT = "The worker stopped while this ran, so it may or may not have happened."


# Errors that LangGraph passes through every handler of a tool node, and never tries again. Their sentences are
# those of the errors that they are.


class Unsettled(InDoubt, GraphBubbleUp):
    __doc__ = InDoubt.__doc__


class Overtaken(LeaseLost, GraphBubbleUp):
    __doc__ = LeaseLost.__doc__


class PutOff(GraphBubbleUp):
    """Nothing came of this call, and it is nobody's fault: the run stays as it is and is taken up again."""


class Away(DatabaseAway, PutOff):
    __doc__ = DatabaseAway.__doc__


class Halted(Frozen, PutOff):
    __doc__ = Frozen.__doc__


class Early(TooEarly, PutOff):
    __doc__ = TooEarly.__doc__


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the ledger says to a call: go ahead under this claim, or it has been done; with neither, it is free."""

    claim: Claim | None = None
    done: Effect | None = None


_current: ContextVar[Claim | None] = ContextVar("countersign_claim", default=None)


def current() -> Effect | None:
    """The effect that is being carried out; None outside of one."""
    claim = _current.get()
    return claim.effect if claim else None


def idempotency_key() -> str:
    """The same for every try of one approved action; a new one where nothing was approved."""
    effect = current()
    return effect.effect_id if effect else uuid.uuid4().hex


def once(
    function: Callable[..., T], *, action: str, args: Mapping[str, Any], call_id: str = "", terms: Terms | None = None
) -> T:
    """`function(**args)`, at most once under the approval of exactly this action with these arguments.

    Raises NotAuthorised where there is none. Entered again, it returns what the first time returned.
    """
    call = call_of(None, action=action, args=args, call_id=call_id)
    result: T = carry_out_sync(call, terms or Terms(), lambda: function(**args), is_gated=True)
    return result


async def aonce(
    function: Callable[..., Awaitable[T]],
    *,
    action: str,
    args: Mapping[str, Any],
    call_id: str = "",
    terms: Terms | None = None,
) -> T:
    """`once` for a coroutine function."""
    call = call_of(None, action=action, args=args, call_id=call_id)
    result: T = await carry_out(call, terms or Terms(), lambda: function(**args), is_gated=True)
    return result


def call_of(config: RunnableConfig | None, *, action: str, args: Mapping[str, Any], call_id: str = "") -> Call | None:
    """The call as the ledger knows it; None outside a run that Countersign drives."""
    told = ensure_config(config).get("configurable", {})
    if TOKEN not in told:
        return None
    digest = effects.digest_of(action, args)
    task, place = places.of(told, call_id=call_id, digest=digest)
    facts: dict[str, Any] = {"call_id": call_id, "digest": digest, "task": task, "place": place}
    return Call(thread_id=str(told["thread_id"]), token=told[TOKEN], action=action, **facts)


async def carry_out(call: Call | None, terms: Terms, work: Callable[[], Awaitable[Any]], *, is_gated: bool) -> Any:
    """Make the call if the ledger lets it through. Raises NotAuthorised, or what ends the run: Unsettled, Overtaken."""
    entry = await in_thread(_enter, call, terms, is_gated=is_gated) if call else Entry()
    if entry.claim is None:
        return _given(entry.done) if entry.done else await work()
    with _under(entry.claim):
        for tried in range(_tries(terms)):
            if tried:
                await asyncio.sleep(PAUSE_SECONDS)
                if not await in_thread(effects.may_repeat, entry.claim):
                    break
            outcome = _of_try(tried, entry.claim, await outcomes.within(terms.deadline_seconds, work))
            if not _may_try_again(outcome):
                break
    return await in_thread(_conclude, entry.claim, outcome)


def carry_out_sync(call: Call | None, terms: Terms, work: Callable[[], Any], *, is_gated: bool) -> Any:
    """`carry_out` for code without an event loop."""
    entry = waited_for(_enter, call, terms, is_gated=is_gated) if call else Entry()
    if entry.claim is None:
        return _given(entry.done) if entry.done else work()
    with _under(entry.claim):
        for tried in range(_tries(terms)):
            if tried:
                time.sleep(PAUSE_SECONDS)
                if not waited_for(effects.may_repeat, entry.claim):
                    break
            outcome = _of_try(tried, entry.claim, outcomes.within_sync(terms.deadline_seconds, work))
            if not _may_try_again(outcome):
                break
    return waited_for(_conclude, entry.claim, outcome)


def _enter(call: Call, terms: Terms, *, is_gated: bool) -> Entry:
    """May this call be made? Committed before the answer is given."""
    with _bubbling(call.thread_id):
        while True:
            effect = effects.standing(call, is_gated=is_gated)
            if effect is None and is_gated:
                raise NotAuthorised
            entry = _entry(effect, call, terms) if effect else Entry()
            if entry is not None:
                return entry


def _entry(effect: Effect, call: Call, terms: Terms) -> Entry | None:
    """None where another call like this one was given the approval a moment ago; there may be one more."""
    state = EffectState(effect.state)
    if state in (EffectState.SUCCEEDED, EffectState.HAPPENED) or (state is EffectState.FAILED and effect.kept):
        return Entry(done=effect)
    if state is EffectState.NOT_HAPPENED:
        raise NotAuthorised(effects.SETTLED_OTHERWISE)
    if state is EffectState.FAILED:
        effect = effects.renew(effect, call)
    claim = effects.claim(effect, call, terms) if state is not EffectState.UNKNOWN else None
    if claim is None and state is EffectState.STARTED:
        return _asked_after(effect, call, terms)
    if claim is None and effects.is_taken(effect, call):
        return None
    return _begun(effect, claim)


def _begun(effect: Effect, claim: Claim | None) -> Entry:
    if claim is None:
        raise Unsettled(action=effect.action, ticket=effect.ticket_id)
    failpoints.reach(Point.EFFECT_CLAIMED)
    return Entry(claim=claim)


def _doubt(effect: Effect, call: Call) -> None:
    with transaction.atomic():
        if not effects.hold(call.thread_id, call.token):
            raise LeaseLost(thread_id=call.thread_id)
        effects.doubt(effect.ticket_id, error=LEFT)


def _asked_after(effect: Effect, call: Call, terms: Terms) -> Entry:
    """What its provider knows of a call that another worker began. That it did not happen proves too little by
    itself: whoever began may be slow, not gone."""
    is_past = Effect.objects.filter(effects.is_past(), pk=effect.pk).exists()
    happened = outcomes.asked(terms.deadline_seconds, terms.probe, effect.effect_id) if terms.probe else None
    if happened is False and workers.is_dead(effect.owner):
        if not is_past:
            raise Early(action=effect.action)
        return _begun(effect, effects.claim(effect, call, terms, gone=effect.claim))
    if happened is None or happened is False:
        _doubt(effect, call)
        raise Unsettled(action=effect.action, ticket=effect.ticket_id)
    claim = Claim(effect=effect, token=call.token, key=effect.claim)
    effects.settle(claim, EffectState.SUCCEEDED, result=outcomes.told(happened), kept=outcomes.kept(happened))
    return Entry(done=Effect.objects.get(pk=effect.pk))


def _conclude(claim: Claim, outcome: Outcome) -> Any:
    """Write down what came of it, and say it to the graph. What nobody knows ends the run."""
    failpoints.reach(Point.EFFECT_DONE)
    if isinstance(outcome.error, GraphInterrupt):
        with _bubbling(claim.effect.thread_id):
            effects.give_back(claim)
        raise outcome.error
    with _bubbling(claim.effect.thread_id):
        _write(claim, outcome)
    failpoints.reach(Point.EFFECT_RECORDED)
    if outcome.state is EffectState.UNKNOWN:
        raise Unsettled(action=claim.effect.action, ticket=claim.effect.ticket_id) from outcome.raised
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def _write(claim: Claim, outcome: Outcome) -> None:
    for seconds in (*WAITS, None):
        try:
            effects.settle(claim, outcome.state, **_facts(outcome), is_over=not (outcome.hung or claim.is_repeat))
            return
        except AWAY as error:
            if seconds is None or refusal(error):
                raise
            time.sleep(seconds)


def _facts(outcome: Outcome) -> dict[str, Any]:
    if outcome.state is EffectState.SUCCEEDED:
        return {"result": outcomes.told(outcome.value), "kept": outcomes.kept(outcome.value)}
    if outcome.hung:
        return {"error": outcome.hung}
    if outcome.error is not None:
        return {"error": evidence.sentence(outcome.error)}
    # Said to the model in words: entered again, the graph is told the same, unless somebody finds out more.
    kept = outcomes.kept(outcome.value) if outcome.state is EffectState.FAILED else None
    return {"error": str(outcomes.told(outcome.value)), "kept": kept}


def _given(effect: Effect) -> Any:
    """What the graph is told of what has been done: the value, or in words what a person found out."""
    if effect.kept is not None:
        return outcomes.restored((effect.kept_as, bytes(effect.kept)))
    return str(effect.result) if effect.state == EffectState.HAPPENED else outcomes.NOT_KEPT


def _of_try(tried: int, claim: Claim, outcome: Outcome) -> Outcome:
    return replace(outcome, is_repeat=bool(tried) or claim.is_repeat)


def _tries(terms: Terms) -> int:
    return TRIES if terms.window_seconds else 1


def _may_try_again(outcome: Outcome) -> bool:
    """In doubt, and not because it hangs: the first call may still be under way then."""
    return outcome.state is EffectState.UNKNOWN and not outcome.hung and not isinstance(outcome.error, GraphInterrupt)


@contextmanager
def _under(claim: Claim) -> Iterator[None]:
    before = _current.set(claim)
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def _bubbling(thread_id: str) -> Iterator[None]:
    """A tool node takes what is raised for the tool's own words, unless LangGraph itself would raise it."""
    try:
        yield
    except LeaseLost as lost:
        raise Overtaken(thread_id=thread_id) from lost
    except AWAY as error:
        raise _named(error, thread_id) from error


def _named(error: Exception, thread_id: str) -> Exception:
    """What the database says to a worker: that it may not, or nothing at all."""
    said = refusal(error)
    if said == fence.REFUSED:
        return Overtaken(thread_id=thread_id)
    if said == Frozen.sqlstate:
        freeze = freezes.standing()
        return Halted(reason=freeze.reason if freeze else CLEARED)
    return Away(thread_id=thread_id)
