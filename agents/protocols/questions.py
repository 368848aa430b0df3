"""What a question proposes: the action that its graph's entry finds in it, and what the agent says beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents import asks
from agents.protocols.pause import Pause
from approvals.contract import ProposedAction


def action(pause: Pause, **facts: Any) -> ProposedAction:
    """One ticket, named as the entry says, else after the node. What was asked is covered by the digest."""
    call = pause.open_call if pause.ask.call else None
    read = asks.groups(pause.ask.pattern, pause.value)
    name = call["name"] if call else read.pop("action", "") or pause.ask.action or pause.node
    args = call["args"] if call else read or _shown(pause.value)
    return ProposedAction(
        action=name,
        args=args,
        args_schema=schema(pause, name),
        tool_call_id=call["id"] if call else "",
        context=pause.conversation,
        **{**said(pause), **facts},
    )


def _shown(value: Any) -> dict[str, Any]:
    """What was asked, as JSON; what is not JSON is shown as text rather than lost."""
    shown = plain(value)
    return shown if isinstance(shown, dict) else {"question": shown}


def plain(value: Any) -> Any:
    """As JSON; what is not JSON is shown as text rather than lost."""
    return json.loads(json.dumps(value, default=str))


def said(pause: Pause) -> dict[str, Any]:
    """The agent's own words about what it asks: none of them weighs on the policy but the confidence it names."""
    value = pause.value if isinstance(pause.value, dict) else {"message": pause.value}
    reasoning = value.get("reasoning")
    return {
        "description": value[_text_key(value)] if _text_key(value) else "",
        "reasoning": reasoning if isinstance(reasoning, str) and reasoning else pause.reasoning,
        "confidence": _share(value.get("confidence")),
        **_case(value),
        "best_guess": value.get("best_guess"),
    }


def said_keys(value: Mapping[str, Any]) -> set[str]:
    """The keys of the question that `said` shows."""
    keys = {_text_key(value), "best_guess"}
    keys |= {"reasoning"} if isinstance(value.get("reasoning"), str) else set()
    keys |= _case(value).keys()
    return keys | ({"confidence"} if _share(value.get("confidence")) is not None else set())


def _case(value: Mapping[str, Any]) -> dict[str, Any]:
    """What it found, and what it says for and against."""
    found = {key: value[key] for key in ("case_for", "case_against") if isinstance(value.get(key), str)}
    return found | ({"evidence": value["evidence"]} if isinstance(value.get("evidence"), list) else {})


def _text_key(value: Mapping[str, Any]) -> str:
    return next((key for key in ("message", "description", "question") if isinstance(value.get(key), str)), "")


def _share(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


def schema(pause: Pause, name: str) -> dict[str, Any] | None:
    """What an edit must fit: the tool's own schema where it can be found, else the entry's."""
    return schema_of(pause, pause.ask, name)


def schema_of(pause: Pause, ask: asks.Ask, name: str) -> dict[str, Any] | None:
    """The same, for a node of which the entry says this."""
    return pause.tool_schemas.get(name) or (dict(ask.args_schema) if ask.args_schema else None)
