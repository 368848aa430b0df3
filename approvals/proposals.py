"""A proposal as it can be kept: whatever an agent says around its arguments becomes plain text and plain JSON. Pure.

The arguments themselves are checked and never changed: they are what people sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from approvals import cards, plaintext
from approvals.contract import ProposedAction

#: More pieces of evidence than anybody reads are not kept.
MOST_EVIDENCE = 20
OF_EVIDENCE = ("title", "text", "source")


def plain(action: ProposedAction) -> ProposedAction:
    """The same proposal in words and values that the database takes."""
    return replace(
        action,
        args_schema=_schema(action.args_schema),
        description=_words(action.description),
        reasoning=_words(action.reasoning),
        evidence=[_found(each) for each in action.evidence[:MOST_EVIDENCE]],
        case_for=_words(action.case_for),
        case_against=_words(action.case_against),
        context=[plaintext.json(dict(line)) for line in action.context if isinstance(line, Mapping)],
        confidence=_share(action.confidence),
        answer_schema=_schema(action.answer_schema),
        best_guess=plaintext.json(action.best_guess),
        tool_call_id=action.tool_call_id or "",
        card=cards.claimed(plaintext.json(cards.as_json(action.card))),
    )


def _found(each: Any) -> dict[str, str]:
    """One piece of evidence; what has no title, text or source is its text as a whole."""
    if isinstance(each, Mapping) and not each.keys().isdisjoint(OF_EVIDENCE):
        return {key: _words(each.get(key)) for key in OF_EVIDENCE}
    return {"title": "", "text": _words(each), "source": ""}


def _words(said: Any) -> str:
    if said is None or isinstance(said, str):
        return plaintext.text(said or "")
    return plaintext.text(json.dumps(plaintext.json(said), ensure_ascii=False))


def _schema(schema: Any) -> dict[str, Any] | None:
    return plaintext.json(dict(schema)) if isinstance(schema, Mapping) else None


def _share(confidence: Any) -> float | None:
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    return float(confidence) if is_number and 0 <= confidence <= 1 else None
