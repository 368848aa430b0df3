"""Every state that can be reached, breadth first, and the shortest way to one that must not be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.world import Defences, Rules, State, Step, first, steps


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many states there are, and the steps to the first broken promise; none where all are kept."""

    states: int
    broken: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{number:2}. {told}" for number, told in enumerate(self.trace, start=1)]
        return "\n".join([f"{self.states} states; {self.broken or 'every promise is kept'}", *lines])


def explore(rules: Rules, on: Defences) -> Found:
    """Take every step from every state until a promise is broken or nothing new is found."""
    start = first(rules)
    came: dict[State, tuple[State, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        now = waiting.popleft()
        for step in steps(now, rules, on):
            for broken in _broken(now, step, rules):
                return Found(states=len(came), broken=broken, trace=(*_way(came, now), step.told))
            if step.after not in came:
                came[step.after] = (now, step.told)
                waiting.append(step.after)
    return Found(states=len(came))


def _way(came: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    told: list[str] = []
    while (before := came[state]) is not None:
        state, step = before
        told.append(step)
    return tuple(reversed(told))


def _broken(before: State, step: Step, rules: Rules) -> Iterator[str]:
    """The promises, in the words of the design. They know what people saw, and nothing of any defence."""
    now = step.after
    if now.jobs > max(before.jobs, 1):
        yield "it is released once"
    if now.jobs > before.jobs and not _is_signed(now, rules):
        yield "released: different people who may sign now have seen and signed exactly this"
    if now.is_claimed and not before.is_claimed and not _is_signed(now, rules):
        yield "claimed: different people who may sign now have seen and signed exactly this"
    if len(now.effects) > 1:
        yield "it happens at most once"
    if len(now.effects) > len(before.effects) and now.state != "approved":
        yield "nothing happens that was taken back"
    if now.state == "pending" and not now.counting and _is_signed(now, rules):
        yield "what has its signatures does not wait"


def _is_signed(now: State, rules: Rules) -> bool:
    barred = {rules.requester, "" if rules.may_editor_sign else now.editor}
    signed = {vote.who for vote in now.votes if vote.seen == vote.revision == now.revision}
    return len((signed & set(now.members)) - barred) >= rules.needed
