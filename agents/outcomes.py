"""What came of a call that the ledger let through: its value or what it raised, within its deadline.

A call that hangs is given up, not ended: a thread cannot be. So the process is noted as one to be replaced.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from langchain_core.messages import ToolMessage
from langgraph.types import Command

from agents import checkpoints, evidence, transcripts, workers
from agents.effects import Kept
from agents.models import EffectState
from approvals.states import Execution

logger = logging.getLogger(__name__)

#: Larger results are not kept: what the graph is told when it comes here again says so.
MOST_BYTES = 1_000_000
NOT_KEPT = "It was done. Its result could not be kept, so it cannot be shown again."
NOT_SHOWN = "It was done. Its result cannot be shown."
HUNG = "It had not answered after {seconds} seconds, so it may or may not have happened."


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended: with a value, with what it raised, or not within its deadline."""

    value: Any = None
    error: BaseException | None = None
    #: What the tool raised and turned into words for the model.
    handled: BaseException | None = None
    #: Why it is given up; empty where it came to its end.
    hung: str = ""
    #: An earlier try under the same key may have done it: that this one was refused proves nothing then.
    is_repeat: bool = False

    @property
    def raised(self) -> BaseException | None:
        """What was raised first, whether or not it came out."""
        return self.handled or self.error

    @property
    def state(self) -> EffectState:
        """What is known of it: failed only where that is proven."""
        known = self._known
        return EffectState.UNKNOWN if self.is_repeat and known is EffectState.FAILED else known

    @property
    def _known(self) -> EffectState:
        if self.hung:
            return EffectState.UNKNOWN
        if self.raised is not None:
            is_proven = evidence.verdict(self.raised) == Execution.FAILED
            return EffectState.FAILED if is_proven else EffectState.UNKNOWN
        is_refusal = isinstance(self.value, ToolMessage) and self.value.status == "error"
        return EffectState.FAILED if is_refusal else EffectState.SUCCEEDED


@dataclass(kw_only=True)
class Watch:
    """One call while it runs."""

    #: What a tool raised before it was turned into words.
    handled: list[BaseException] = field(default_factory=list)
    #: How many threads are inside the tool's own code.
    inside: int = 0


_watch: ContextVar[Watch | None] = ContextVar("countersign_watch", default=None)
_given_up: list[Watch] = []


def is_stuck() -> bool:
    """Does a call that was given up still hold one of this process's threads? Then the process is to be replaced."""
    return any(watch.inside for watch in _given_up)


def note(error: BaseException) -> None:
    """Keep what a tool raised: the model reads words, the ledger wants the evidence."""
    watch = _watch.get()
    if watch is not None:
        watch.handled.append(error)


@contextmanager
def inside() -> Iterator[None]:
    """This thread is in the tool's own code."""
    watch = _watch.get() or Watch()
    watch.inside += 1
    try:
        with workers.acting():
            yield
    finally:
        watch.inside -= 1


async def within(seconds: float, work: Callable[[], Awaitable[Any]]) -> Outcome:
    """Wait for the call, but no longer than its deadline."""
    with _watching() as watch:
        task = asyncio.ensure_future(work())
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
    if not done:
        task.cancel()
        return _give_up(watch, seconds)
    return _outcome(watch, task.result if not task.cancelled() else _cancelled)


def within_sync(seconds: float, work: Callable[[], Any]) -> Outcome:
    """The same where there is no event loop: in a thread of its own, which is left behind if it hangs."""
    with _watching() as watch:
        context = copy_context()
    box: list[Outcome] = []

    def entered() -> Any:
        with inside():  # a plain function says so nowhere else
            return work()

    def call() -> None:
        try:
            box.append(context.run(_outcome, watch, entered))
        finally:
            connection.close()

    thread = threading.Thread(target=call, name="effect", daemon=True)
    thread.start()
    thread.join(seconds)
    return box[0] if box else _give_up(watch, seconds)


def asked(seconds: float, probe: Callable[[str], Any], key: str) -> Any:
    """What a provider says of a key, no later than its deadline; a coroutine is waited for. None where it does not."""

    def ask() -> Any:
        said = probe(key)
        return asyncio.run(_waited_for(said)) if inspect.isawaitable(said) else said

    outcome = within_sync(seconds, ask)
    if outcome.hung or outcome.error:
        logger.warning("Nobody could say whether effect %s happened: %s", key, outcome.hung, exc_info=outcome.error)
    return outcome.value


def told(value: Any) -> Any:
    """A result for people, as JSON. It ran: whatever its value does when it is read, that goes on record."""
    if isinstance(value, ToolMessage):
        return str(value.text)
    if isinstance(value, Command) and isinstance(value.update, Mapping):
        found = next((m for m in _listed(value.update) if isinstance(m, ToolMessage)), None)
        return str(found.text) if found else None
    try:
        return transcripts.plain(value)
    except Exception:
        logger.warning("A result of type %s cannot be shown.", type(value).__name__, exc_info=True)
        return NOT_SHOWN


def kept(value: Any) -> Kept:
    """A value as it can be given to the graph again; what cannot be is replaced by words."""
    for stored in (value, _instead(value)):
        try:
            kind, content = checkpoints.serialiser().dumps_typed(stored)
            checkpoints.serialiser().loads_typed((kind, content))
        except Exception:  # noqa: S112 - whatever a stranger's value does when it is written
            continue
        if len(content) <= MOST_BYTES:
            return kind, content
    return None


def restored(stored: tuple[str, bytes]) -> Any:
    """The value that was kept."""
    return checkpoints.serialiser().loads_typed(stored)


def _instead(value: Any) -> Any:
    return (
        value.model_copy(update={"content": NOT_KEPT, "artifact": None}) if isinstance(value, ToolMessage) else NOT_KEPT
    )


@contextmanager
def _watching() -> Iterator[Watch]:
    watch = Watch()
    before = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(before)


def _outcome(watch: Watch, work: Callable[[], Any]) -> Outcome:
    handled = watch.handled
    try:
        return Outcome(value=work(), handled=handled[-1] if handled else None)
    except Exception as error:
        return Outcome(error=error, handled=handled[-1] if handled else None)


def _give_up(watch: Watch, seconds: float) -> Outcome:
    _given_up.append(watch)
    return Outcome(hung=HUNG.format(seconds=f"{seconds:g}"))


async def _waited_for(said: Awaitable[Any]) -> Any:
    return await said


def _cancelled() -> Any:
    raise TimeoutError("The call was cancelled.")


def _listed(update: Mapping[str, Any]) -> Iterator[Any]:
    for value in update.values():
        yield from value if isinstance(value, list) else [value]
