"""LangChain's middleware, `interrupt_mode="per_call"`: one interrupt for each gated tool call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.protocols import decisions, schemas
from agents.protocols.pause import Pause
from approvals.contract import ALL_DECISIONS, Answer, ProposedAction

NAME = "hitl_per_call"


def recognise(pause: Pause) -> bool:
    """`{"type": "tool_approval", …}`."""
    return isinstance(pause.value, dict) and pause.value.get("type") == "tool_approval"


def to_actions(pause: Pause) -> list[ProposedAction]:
    """The one call that asks."""
    value = pause.value
    return [
        ProposedAction(
            action=value["name"],
            args=value.get("args") or {},
            args_schema=_args_schema(pause) or pause.tool_schemas.get(value["name"]),
            description=decisions.description(value.get("description")),
            reasoning=pause.reasoning,
            context=pause.conversation,
            allowed_decisions=_allowed(pause),
            tool_call_id=value.get("tool_call_id", ""),
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """One decision, checked against the schema that came with the question."""
    value = pause.value
    made = decisions.decision(answers[0], name=value["name"], asked=value.get("args") or {}, allowed=_allowed(pause))
    schemas.check(made, pause.response_schema)
    return made


def _allowed(pause: Pause) -> tuple[str, ...]:
    """The types the schema names: one per branch, or the only one where there is no choice."""
    schema = pause.response_schema or {}
    branches = [_resolve(branch, schema) for branch in schema.get("oneOf") or schema.get("anyOf") or [schema]]
    named = {_constant(branch.get("properties", {}).get("type", {})) for branch in branches}
    return tuple(kind for kind in ALL_DECISIONS if kind in named) or ALL_DECISIONS


def _args_schema(pause: Pause) -> dict[str, Any] | None:
    """The tool's own schema, out of the edit branch, with the definitions it refers to."""
    definitions = (pause.response_schema or {}).get("$defs", {})
    edited = definitions.get("EditedAction", {}).get("properties", {}).get("args")
    if not isinstance(edited, dict):
        return None
    found = _resolve(edited, {"$defs": definitions})
    others = {name: d for name, d in definitions.items() if not name.endswith(("Decision", "EditedAction"))}
    others = {name: d for name, d in others.items() if d is not found}
    return {**found, "$defs": others} if others else found


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    found: dict[str, Any] = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), schema)
    return found


def _constant(schema: dict[str, Any]) -> str:
    return str(schema.get("const") or next(iter(schema.get("enum", [])), ""))
