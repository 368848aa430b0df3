"""What one step changed, value by value. Reads with the strict serialiser; runs nobody's code.

A page imports this module when somebody opens a step, because it brings LangGraph with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from agents import checkpoints, history, transcripts
from approvals import plaintext

#: A value longer than this is cut: the page is for reading.
MOST_WORDS = 20_000


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value after a step; of a list that only grew, what was added."""

    name: str
    is_added: bool
    #: Messages as turns of a conversation; None for any other value.
    turns: list[dict[str, Any]] | None
    value: Any


def changes(thread_id: str, checkpoint_id: str) -> list[Change] | None:
    """The values that this step of the thread changed; None if the thread has no such step."""
    place = history.place_of(thread_id, checkpoint_id)
    if place is None:
        return None
    with checkpoints.reading() as saver:
        found = saver.get_tuple(_config(thread_id, place, checkpoint_id))
        parent = found.parent_config if found else None
        before = saver.get_tuple(parent) if parent else None
    if found is None:
        return None
    after = found.checkpoint["channel_values"]
    old = before.checkpoint["channel_values"] if before else {}
    names = history.theirs(found.checkpoint.get("updated_channels") or ())
    return [_change(name, after.get(name), old.get(name)) for name in names]


def _config(thread_id: str, place: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": place, "checkpoint_id": checkpoint_id}}


def _change(name: str, value: Any, before: Any) -> Change:
    is_added = isinstance(value, list) and isinstance(before, list) and value[: len(before)] == before and bool(before)
    shown = value[len(before) :] if is_added else value
    turns = transcripts.of({"messages": shown}) if _are_messages(shown) else None
    plain = None if turns else _plain(shown)
    return Change(name=name, is_added=is_added, turns=turns, value=plain)


def _are_messages(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(item, BaseMessage) for item in value)


def _plain(value: Any) -> Any:
    """As JSON for the page: objects as text, and nothing endless."""
    told = plaintext.json(transcripts.plain(value if not isinstance(value, Mapping) else dict(value)))
    text = str(told)
    return told if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}… (cut; {len(text):,} characters in all)"
