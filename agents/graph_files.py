"""Reading `langgraph.json`, the file that `langgraph dev` reads, and what Countersign adds to its entries.

A file that cannot be read is a BadRegistry of its own; an entry that makes no sense is kept with its fault,
so that neither takes another graph down.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents import asks
from agents.entries import GraphEntry
from agents.errors import BadRegistry
from approvals import cards

#: What an entry may say beside its path, and what makes it the value that is kept.
_EXTRA: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {
    "description": (str, str),
    "words": (dict, dict),
    "asks": (dict, asks.read),
    "cards": (dict, cards.read_all),
    "input_schema": (dict, dict),
    "message": (str, str),
    "tools": (str, str),
    "is_guarded": (bool, bool),
}
_KINDS = {dict: "an object", bool: "true or false"}
_WORDS = {"approve", "edit", "reject", "respond", "timeout"}


def read(path: Path) -> dict[str, GraphEntry]:
    """The entries of one file, read again when it changes. Raises BadRegistry."""
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise BadRegistry(path=path.name, why=f"{error.strerror}.") from error


@lru_cache(maxsize=64)
def _parse(path: Path, changed: int) -> dict[str, GraphEntry]:
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise BadRegistry(path=path.name, why=f"it is not JSON ({error}).") from error
    graphs = content.get("graphs") if isinstance(content, dict) else None
    if not isinstance(graphs, dict):
        raise BadRegistry(path=path.name, why="it has no “graphs” object.")
    shared = {
        "base": path.parent.resolve(),
        "dependencies": _dependencies(content),
        "env": _environment(content.get("env"), base=path.parent),
    }
    return {name: _entry(name, value, shared=shared) for name, value in graphs.items()}


def _entry(name: str, value: Any, *, shared: dict[str, Any]) -> GraphEntry:
    """A target, or an object with a `path` beside what Countersign adds."""
    facts = {"path": value} if isinstance(value, str) else value
    target = facts.get("path") if isinstance(facts, dict) else None
    if not isinstance(target, str) or ":" not in target:
        return GraphEntry(name=name, target="", fault="its entry needs “file.py:name” or “module:name”.", **shared)
    try:
        extra = {key: _extra(key, facts[key]) for key in _EXTRA if key in facts}
    except ValueError as error:
        return GraphEntry(name=name, target=target, fault=str(error), **shared)
    return GraphEntry(name=name, target=target, **extra, **shared)


def _extra(key: str, value: Any) -> Any:
    kind, read_value = _EXTRA[key]
    if not isinstance(value, kind):
        raise ValueError(f"“{key}” of its entry must be {_KINDS.get(kind, 'text')}.")
    if key == "words" and not _WORDS.issuperset(value):
        raise ValueError(f"“words” of its entry knows {', '.join(sorted(_WORDS))} and nothing else.")
    return read_value(value)


def _dependencies(content: dict[str, Any]) -> tuple[str, ...]:
    named = content.get("dependencies", [])
    return tuple(d for d in named if isinstance(d, str)) if isinstance(named, list) else ()


def _environment(env: Any, *, base: Path) -> dict[str, str]:
    """`env` is an object, or the path of a file of KEY=VALUE lines."""
    if isinstance(env, dict):
        return {key: str(value) for key, value in env.items()}
    file = base / env if isinstance(env, str) else None
    if file is None or not file.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, _, value in pairs}
