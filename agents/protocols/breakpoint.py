"""A static breakpoint (`interrupt_before` or `interrupt_after`): the graph asked nothing, it stopped.

There is no value to resume with: the runner changes the state and goes on. `resume_value` says what
each tool call is to become, or what the state is to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import questions, schemas, words
from agents.protocols.pause import Pause
from approvals import digests
from approvals.contract import Answer, ProposedAction

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
    """One ticket per tool call before a tool node; one for the state before any other node."""
    if pause.tool_calls is None:
        return [_state_action(pause)]
    return [
        ProposedAction(
            action=call["name"],
            args=call["args"],
            args_schema=pause.tool_schemas.get(call["name"]),
            reasoning=pause.reasoning,
            context=pause.conversation,
            tool_call_id=call["id"] or "",
            position=position,
        )
        for position, call in enumerate(pause.tool_calls)
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Verdict:
    """What each call is to become, or what the state is to be."""
    if pause.tool_calls is None:
        return _state_verdict(pause, answers[0])
    if len(answers) != len(pause.tool_calls):
        raise BadAnswer(why=f"{len(pause.tool_calls)} calls wait and there are {len(answers)} decisions.")
    verdict = Verdict(run={}, refuse={}, reply={}, update={})
    for call, answer in zip(pause.tool_calls, answers, strict=True):
        if answer.type in {"approve", "edit"}:
            verdict.run[call["id"]] = _args(pause, call, answer)
        elif answer.type == "respond":
            verdict.reply[call["id"]] = words.reply(answer)
        else:
            verdict.refuse[call["id"]] = words.refusal(answer)
    return verdict


def _args(pause: Pause, call: dict[str, Any], answer: Answer) -> dict[str, Any]:
    args: dict[str, Any] = call["args"] if answer.args is None else answer.args
    if not digests.alike(args, call["args"]):
        schemas.check(args, pause.tool_schemas.get(call["name"]))
    return args


def _state_action(pause: Pause) -> ProposedAction:
    name = pause.ask.action or pause.node
    return ProposedAction(
        action=name,
        args=_proposed(pause),
        args_schema=questions.schema(pause, name),
        reasoning=pause.reasoning,
        context=pause.conversation,
        allowed_decisions=("approve", "edit", "reject"),
    )


def _state_verdict(pause: Pause, answer: Answer) -> Verdict:
    if answer.type not in {"approve", "edit"}:
        return Verdict(run={}, refuse={}, reply={}, update={}, stop=words.refusal(answer))
    asked = _proposed(pause)
    args = asked if answer.args is None else answer.args
    unknown = sorted(set(args) - set(asked))
    if unknown:
        raise BadAnswer(why=f"the state has no “{unknown[0]}” to change.")
    changed = {key: value for key, value in args.items() if not digests.alike(value, asked[key])}
    if changed:
        schemas.check(args, questions.schema(pause, pause.ask.action or pause.node))
    return Verdict(run={}, refuse={}, reply={}, update=changed)


def _proposed(pause: Pause) -> dict[str, Any]:
    """The state's values, or those of them that the graph's entry puts up for review."""
    keys = pause.state if pause.ask.args is None else pause.ask.args
    return {key: pause.state[key] for key in keys if key in pause.state}
