"""What was said before an action was proposed, as much of it as its ticket keeps. Pure.

Nobody signs the conversation, and an agent can make it as long as it likes: the newest turns are kept, and
what is left out is counted. The run's own page has all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from approvals import wording

#: Of one turn, and of all together.
MAX_TURN = 8_000
MAX_CHARACTERS = 32_000


def kept(turns: Iterable[Any]) -> list[Any]:
    """The newest turns, each with its beginning; before them how many there were."""
    said = list(turns)
    newest: list[Any] = []
    room = MAX_CHARACTERS
    for turn in reversed(said):
        short = _short(turn)
        room -= _length(short)
        if newest and room < 0:
            break
        newest.append(short)
    return [*_left_out(len(said) - len(newest)), *reversed(newest)]


def _left_out(count: int) -> list[dict[str, Any]]:
    words = f"({wording.counted(count, 'earlier turn')} not kept here; the page of the run has all of them.)"
    return [{"role": "system", "content": words, "tool_calls": []}] if count else []


def _short(turn: Any) -> Any:
    if _length(turn) <= MAX_TURN or not isinstance(turn, dict):
        return turn if _length(turn) <= MAX_TURN else _begin(str(turn))
    calls = turn.get("tool_calls")
    return {
        **{key: value for key, value in turn.items() if _length(value) <= 200},
        "content": _begin(turn.get("content")),
        "tool_calls": [_short_call(call) for call in calls[:20]] if isinstance(calls, list) else [],
    }


def _short_call(call: Any) -> dict[str, Any]:
    found = call if isinstance(call, dict) else {}
    args = found.get("args")
    fits = _length(args) <= 400
    return {
        "name": str(found.get("name", ""))[:200],
        "args": args if fits else f"({wording.counted(_length(args), 'character')})",
    }


def _begin(content: Any) -> str:
    words = content if isinstance(content, str) else json.dumps(content, default=str)
    rest = len(words) - MAX_TURN // 2
    return words if rest <= 0 else f"{words[:-rest]}… ({wording.counted(rest, 'more character')})"


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))
