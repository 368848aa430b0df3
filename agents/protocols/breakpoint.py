"""A static breakpoint (`interrupt_before` or `interrupt_after`): the graph asked nothing, it stopped.

There is no value to resume with: the runner changes the state and goes on. `resume_value` says what
each tool call is to become, or what the state is to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import BadAnswer, BadInterrupt
from agents.protocols import questions, schemas, words
from agents.protocols.pause import Pause, Step
from approvals import digests
from approvals.contract import ALL_DECISIONS, Answer, ProposedAction

NAME = "breakpoint"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a paused step."""

    #: Tool call id to the arguments it runs with.
    run: dict[str, dict[str, Any]]
    #: Tool call id to the words the model reads instead of a result.
    refuse: dict[str, str]
    #: Tool call id to a reviewer's answer in place of the tool's.
    reply: dict[str, str]
    #: Values to write into the state before going on.
    update: dict[str, Any]
    #: The run ends here: there is nowhere to route a refusal.
    stop: str = ""


def recognise(pause: Pause) -> bool:
    """Stopped with no question asked."""
    return pause.is_breakpoint


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket for every tool call and for each node besides. Raises BadInterrupt where calls share an id."""
    if not pause.is_whole:
        _check_ids(pause.tool_calls)
    calls = [_call_action(pause, call, position=n) for n, call in enumerate(pause.tool_calls)]
    steps = [_step_action(pause, step, position=n) for n, step in enumerate(pause.steps, start=len(calls))]
    if not calls and not steps:
        raise BadInterrupt(name=NAME, why="nothing comes next")
    return [*calls, *steps]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Verdict:
    """What each call is to become, or what the state is to be."""
    refusal = next((answer for answer in answers if answer.type not in {"approve", "edit"}), None)
    if pause.is_whole and refusal:
        return Verdict(run={}, refuse={}, reply={}, update={}, stop=words.refusal(refusal))
    calls, steps = answers[: len(pause.tool_calls)], answers[len(pause.tool_calls) :]
    verdict = Verdict(run={}, refuse={}, reply={}, update=_update(pause, steps))
    for call, answer in zip(pause.tool_calls, calls, strict=True):
        if answer.type in {"approve", "edit"}:
            verdict.run[call["id"]] = _args(pause, call, answer)
        elif answer.type == "respond":
            verdict.reply[call["id"]] = words.reply(answer)
        else:
            verdict.refuse[call["id"]] = words.refusal(answer)
    return verdict


def _check_ids(calls: Sequence[dict[str, Any]]) -> None:
    """A graph runs calls by their ids, so of two with one id neither can be let loose alone."""
    ids = [call["id"] for call in calls]
    if "" in ids:
        raise BadInterrupt(name=NAME, why="the agent made a call without an id, so it cannot be decided by itself")
    if again := next((name for name in ids if ids.count(name) > 1), ""):
        raise BadInterrupt(name=NAME, why=f"the agent made several calls with the id “{again}”, so none runs alone")


def _call_action(pause: Pause, call: dict[str, Any], *, position: int) -> ProposedAction:
    return ProposedAction(
        action=call["name"],
        args=call["args"],
        args_schema=pause.tool_schemas.get(call["name"]),
        reasoning=pause.reasoning,
        context=pause.conversation,
        allowed_decisions=("approve", "reject") if pause.is_whole else ALL_DECISIONS,
        tool_call_id=call["id"] or "",
        position=position,
    )


def _args(pause: Pause, call: dict[str, Any], answer: Answer) -> dict[str, Any]:
    args: dict[str, Any] = call["args"] if answer.args is None else answer.args
    if not digests.alike(args, call["args"]):
        schemas.check(args, pause.tool_schemas.get(call["name"]))
    return args


def _step_action(pause: Pause, step: Step, *, position: int) -> ProposedAction:
    return ProposedAction(
        action=step.ask.action or step.node,
        args=_proposed(step),
        args_schema=_schema(pause, step),
        reasoning=pause.reasoning,
        context=pause.conversation,
        allowed_decisions=("approve", "edit", "reject") if pause.may_edit else ("approve", "reject"),
        position=position,
    )


def _update(pause: Pause, answers: Sequence[Answer]) -> dict[str, Any]:
    """What an edit changes of the state: what is not JSON keeps its own type, so nobody changes it."""
    changed: dict[str, Any] = {}
    for step, answer in zip(pause.steps, answers, strict=True):
        asked = _proposed(step)
        args = asked if answer.args is None else answer.args
        unknown = sorted(set(args) - set(asked))
        if unknown:
            raise BadAnswer(why=f"the state has no “{unknown[0]}” to change.")
        edited = {key: value for key, value in args.items() if not digests.alike(value, asked[key])}
        if edited:
            schemas.check(args, _schema(pause, step))
        changed |= edited
    return changed


def _schema(pause: Pause, step: Step) -> dict[str, Any] | None:
    """What an edit must fit: the tool's or the entry's schema, and what is not JSON stays as it is."""
    known = questions.schema_of(pause, step.ask, step.ask.action or step.node)
    return schemas.keeping(known, {key: value for key, value in _proposed(step).items() if key not in step.state})


def _proposed(step: Step) -> dict[str, Any]:
    """The state's values, or those of them that the graph's entry puts up for review."""
    values = {**step.fixed, **step.state}
    return {key: values[key] for key in (values if step.ask.args is None else step.ask.args) if key in values}
