"""What a registry entry says about a node that pauses: what it proposes, and where its result is found. Pure.

A plain question names no action, so no policy on a tool's name can match it. An entry may say where the
action is found: it is always this one, it is the tool call that the agent spoke last, or a pattern reads it
out of the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from approvals import patterns

#: The key under which an entry speaks about every node that it does not name.
EVERY_NODE = "*"


class BadAsk(ValueError):
    """An entry says something about a node that cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one node's pause proposes; everything is optional."""

    #: The action's name, where it is always the same.
    action: str = ""
    #: The last tool call that no tool has answered is what is asked about.
    call: bool = False
    #: A regular expression over the whole question: its group `action` names the action, the others are arguments.
    pattern: str = ""
    #: The state's keys that are proposed before a node that is no tool node; None proposes all of them.
    args: tuple[str, ...] | None = None
    #: The state's key that holds what came of it.
    result: str = ""
    args_schema: Mapping[str, Any] | None = None


def read(value: Any) -> Mapping[str, Ask]:
    """The `asks` of an entry: node to facts. Raises BadAsk."""
    if not isinstance(value, dict):
        raise BadAsk("“asks” must be an object of nodes.")
    return {str(node): _ask(node, facts) for node, facts in value.items()}


def of(asks: Mapping[str, Ask], node: str) -> Ask:
    """What is said about this node."""
    return asks.get(node) or asks.get(EVERY_NODE) or Ask()


def groups(pattern: str, text: Any) -> dict[str, str]:
    """What the pattern reads out of the whole text; nothing where it does not fit."""
    if not pattern or not isinstance(text, str):
        return {}
    try:
        found = patterns.groups(pattern, text)
    except (patterns.BadPattern, UnicodeEncodeError):
        return {}  # too long or no text: then it is asked about as the plain question that it is
    return {name: said.strip() for name, said in found.items() if said is not None}


def _ask(node: str, facts: Any) -> Ask:
    kinds = {"action": str, "call": bool, "pattern": str, "args": list, "result": str, "args_schema": dict}
    if not isinstance(facts, dict):
        raise BadAsk(f"what “asks” says about “{node}” must be an object.")
    for key, value in facts.items():
        if key not in kinds or not isinstance(value, kinds[key]):
            raise BadAsk(f"“asks” cannot say {key!r} about “{node}”; it knows {_known()}.")
    _check_pattern(node, facts.get("pattern", ""))
    return Ask(**{**facts, "args": tuple(map(str, facts["args"])) if "args" in facts else None})


def _check_pattern(node: str, pattern: str) -> None:
    try:
        patterns.check(pattern)
    except patterns.BadPattern as error:
        raise BadAsk(f"“asks” about “{node}” cannot be used: {error}.") from error


def _known() -> str:
    return ", ".join(field.name for field in fields(Ask))
