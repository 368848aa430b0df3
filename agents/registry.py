"""Which graphs there are: the built-in ones and those of `langgraph.json` files.

Light on purpose: the web process lists graphs without importing LangGraph or anyone's code. A graph is
imported when it is first run, so a broken one does not take down the others.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings

from agents.errors import AgentError, BadInput, BadRegistry, BrokenGraph, UnknownGraph

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel

#: What a graph that talks takes; a graph with other input says so in its entry.
MESSAGES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"messages": {"type": "array", "items": {"type": "object"}}},
    "required": ["messages"],
}
TASK_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"request": {"type": "string"}},
    "required": ["request"],
}
DEFAULT_MODEL = "scripted"


@dataclass(frozen=True, kw_only=True)
class GraphEntry:
    """One registered graph."""

    name: str
    #: "package.module:name" or "./path.py:name".
    target: str
    description: str = ""
    #: The words a plain question of this graph is answered with.
    words: Mapping[str, Any] | None = None
    #: What input is checked against; None takes any object.
    input_schema: dict[str, Any] | None = None
    #: The directory of the langgraph.json that named it; None for the built-in ones.
    base: Path | None = None
    dependencies: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


BUILT_IN = (
    GraphEntry(
        name="operations",
        target="agents.graphs.operations:graph",
        description="An agent that mails, orders, transfers and deletes; every dangerous call is reviewed.",
        input_schema=MESSAGES_SCHEMA,
    ),
    GraphEntry(
        name="batch",
        target="agents.graphs.batch:graph",
        description="The same agent, but the calls of one turn are decided together.",
        input_schema=MESSAGES_SCHEMA,
    ),
    GraphEntry(
        name="decide_execute",
        target="agents.graphs.decide_execute:graph",
        description="Decides on an action, asks, then executes it; plans again when it is rejected.",
        words={"approve": "approved", "reject": "rejected"},
        input_schema=TASK_SCHEMA,
    ),
    GraphEntry(
        name="email_draft",
        target="agents.graphs.email_draft:graph",
        description="Drafts an e-mail that can be edited before it is sent.",
        input_schema=TASK_SCHEMA,
    ),
    GraphEntry(
        name="tool_review",
        target="agents.graphs.tool_review:graph",
        description="Runs safe tools freely and stops before the sensitive ones.",
        input_schema=MESSAGES_SCHEMA,
    ),
)

# A compiled graph may hold clients that belong to the event loop it was first used in.
_compiled: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Pregel[Any, Any, Any, Any]]]
_compiled = WeakKeyDictionary()


def message_input(entry: GraphEntry, message: str) -> dict[str, Any]:
    """A plain sentence as this graph's input: a user message, or its one required text."""
    schema = entry.input_schema or {}
    fields = schema.get("properties", {})
    texts = [key for key in schema.get("required", []) if fields.get(key, {}).get("type") == "string"]
    return {texts[0]: message} if texts else {"messages": [{"role": "user", "content": message}]}


def entries() -> dict[str, GraphEntry]:
    """Every registered graph by name; a project may replace a built-in one."""
    found = {entry.name: entry for entry in BUILT_IN}
    for path in settings.COUNTERSIGN_GRAPHS:
        found.update(_read(Path(path)))
    return found


def get(name: str) -> GraphEntry:
    """The entry of that name, or UnknownGraph with the names there are."""
    known = entries()
    if name not in known:
        raise UnknownGraph(name=name, known=", ".join(sorted(known)))
    return known[name]


def warm() -> None:
    """Import the built-in graphs, so that the first resume need not wait seconds for LangChain."""
    for entry in BUILT_IN:
        with suppress(ImportError):
            importlib.import_module(entry.target.partition(":")[0])


async def load(name: str, *, checkpointer: BaseCheckpointSaver[Any], model: str = "") -> Pregel[Any, Any, Any, Any]:
    """The compiled graph on this checkpointer. Whatever its module raises becomes BrokenGraph."""
    entry = get(name)
    ours = _compiled.setdefault(asyncio.get_running_loop(), {})
    key = (entry.name, entry.target, str(entry.base), model)
    if key not in ours:
        ours[key] = await _build(entry, model=model or DEFAULT_MODEL)
    # A shallow copy: each run attaches its own saver, and `Pregel.copy` would lose the graph's list of
    # types that may be read back from a checkpoint.
    graph = copy.copy(ours[key])
    graph.checkpointer = checkpointer
    return graph


async def _build(entry: GraphEntry, *, model: str) -> Pregel[Any, Any, Any, Any]:
    try:
        return _compile(await _made(_target(entry), config={"configurable": {"model": model}}))
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
        if type(error).__name__ == "UnknownModel":  # by name: its module imports LangChain
            raise BadInput(why=str(error)) from error
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise BrokenGraph(name=entry.name, why=why) from error


async def _made(target: Any, *, config: dict[str, Any]) -> Any:
    """What a factory makes, with or without a config, sync or async; anything else as it is."""
    if not inspect.isroutine(target):
        return target
    made = target(config) if _takes_config(target) else target()
    return await made if inspect.isawaitable(made) else made


def _takes_config(factory: Callable[..., Any]) -> bool:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional for p in inspect.signature(factory).parameters.values())


def _compile(made: Any) -> Pregel[Any, Any, Any, Any]:
    from langgraph.graph import StateGraph  # lazily: see the top of this module
    from langgraph.pregel import Pregel

    if isinstance(made, StateGraph):
        made = made.compile()
    if not isinstance(made, Pregel):
        raise TypeError(f"it is a {type(made).__name__}, not a graph or a function that returns one.")
    return made


def _target(entry: GraphEntry) -> Any:
    place, _, name = entry.target.rpartition(":")
    _prepare(entry)
    module = _module(place, base=entry.base)
    if not hasattr(module, name):
        raise BrokenGraph(name=entry.name, why=f"{place} has no “{name}”.")
    return getattr(module, name)


def _prepare(entry: GraphEntry) -> None:
    """What `langgraph dev` does first: the dependencies on the path, the file's environment."""
    if entry.base is None:
        return
    for dependency in (".", *entry.dependencies):
        folder = str((entry.base / dependency).resolve())
        if Path(folder).is_dir() and folder not in sys.path:
            sys.path.append(folder)
    for key, value in entry.env.items():
        os.environ.setdefault(key, value)


def _module(place: str, *, base: Path | None) -> ModuleType:
    if base is None or not (place.endswith(".py") or "/" in place):
        return importlib.import_module(place)
    path = (base / place).resolve()
    # Named after its path, so that two projects may both have an agent.py.
    name = f"countersign_graph_{abs(hash(str(path)))}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no Python file {place}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _read(path: Path) -> dict[str, GraphEntry]:
    """The entries of one file; read again when it changes."""
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise BadRegistry(path=path.name, why=f"{error.strerror}.") from error


@lru_cache(maxsize=64)
def _parse(path: Path, changed: int) -> dict[str, GraphEntry]:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise BadRegistry(path=path.name, why=f"it is not JSON ({error}).") from error
    graphs = content.get("graphs") if isinstance(content, dict) else None
    if not isinstance(graphs, dict):
        raise BadRegistry(path=path.name, why="it has no “graphs” object.")
    shared: dict[str, Any] = {
        "base": path.parent.resolve(),
        "dependencies": tuple(d for d in content.get("dependencies", []) if isinstance(d, str)),
        "env": _environment(content.get("env"), base=path.parent),
    }
    return {name: _entry(name, value, path=path, shared=shared) for name, value in graphs.items()}


def _entry(name: str, value: Any, *, path: Path, shared: dict[str, Any]) -> GraphEntry:
    """A target, or an object with a `path` beside what Countersign adds: description, words, input_schema."""
    facts = {"path": value} if isinstance(value, str) else value
    target = facts.get("path") if isinstance(facts, dict) else None
    if not isinstance(target, str) or ":" not in target:
        raise BadRegistry(path=path.name, why=f"the graph “{name}” needs “file.py:name” or “module:name”.")
    extra: dict[str, Any] = {key: facts[key] for key in ("description", "words", "input_schema") if key in facts}
    return GraphEntry(name=name, target=target, **extra, **shared)


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
