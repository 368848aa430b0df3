"""Which graphs there are: the built-in ones and those of `langgraph.json` files.

Light on purpose: the web process lists graphs without importing LangGraph or anyone's code. A graph is
imported when it is first run, so a broken one does not take down the others.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings

from agents import graph_files
from agents.entries import BUILT_IN, GraphEntry
from agents.errors import AgentError, BadRegistry, BrokenGraph, TakesNoMessage, UnknownGraph

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel

__all__ = ["DEFAULT_MODEL", "GraphEntry", "entries", "faults", "get", "load", "message_input", "tools", "warm"]

DEFAULT_MODEL = "scripted"

# A compiled graph may hold clients that belong to the event loop it was first used in.
_compiled: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Pregel[Any, Any, Any, Any]]]
_compiled = WeakKeyDictionary()


def message_input(entry: GraphEntry, message: str) -> dict[str, Any]:
    """A plain sentence as this graph's input. Raises TakesNoMessage where it has no place for one.

    The entry names the place, or its schema does: `messages`, else the one text that it requires. A graph
    whose entry says neither is loaded and asked for `messages`.
    """
    schema = entry.input_schema if entry.input_schema is not None or entry.message else _declared(entry)
    key = entry.message or _message_key(schema or {}, guess=entry.input_schema is not None)
    if not key:
        raise TakesNoMessage(name=entry.name)
    return {key: [{"role": "user", "content": message}] if key == "messages" else message}


def _message_key(schema: dict[str, Any], *, guess: bool) -> str:
    fields = schema.get("properties", {})
    if "messages" in fields:
        return "messages"
    texts = [key for key in schema.get("required", []) if fields.get(key, {}).get("type") == "string"]
    return str(texts[0]) if guess and len(texts) == 1 else ""


def _declared(entry: GraphEntry) -> dict[str, Any]:
    """The schema that the graph itself declares. In a thread: the caller may be inside an event loop."""

    async def declared() -> dict[str, Any]:
        graph = await _build(entry, model=DEFAULT_MODEL)
        with suppress(Exception):  # types without a schema: then it declares nothing
            return graph.get_input_jsonschema()
        return {}

    with ThreadPoolExecutor(max_workers=1) as apart:
        return apart.submit(asyncio.run, declared()).result()


def entries() -> dict[str, GraphEntry]:
    """Every registered graph by name; a project may replace a built-in one. Files that are no use are in `faults`."""
    found = {entry.name: entry for entry in BUILT_IN}
    for path in settings.COUNTERSIGN_GRAPHS:
        with suppress(BadRegistry):
            found.update(graph_files.read(Path(path)))
    return found


def faults() -> list[BadRegistry]:
    """What is wrong with whole files, one error each."""
    found = []
    for path in settings.COUNTERSIGN_GRAPHS:
        try:
            graph_files.read(Path(path))
        except BadRegistry as fault:
            found.append(fault)
    return found


def get(name: str) -> GraphEntry:
    """The entry of that name, or UnknownGraph with the names there are and the files that could not be read."""
    known = entries()
    if name not in known:
        unread = "".join(f" {fault}" for fault in faults())
        raise UnknownGraph(name=name, known=", ".join(sorted(known)), unread=unread)
    return known[name]


def warm() -> None:
    """Import the built-in graphs, so that the first resume need not wait seconds for LangChain."""
    for entry in BUILT_IN:
        with suppress(ImportError):
            importlib.import_module(entry.target.partition(":")[0])


async def load(
    name: str, *, checkpointer: BaseCheckpointSaver[Any] | None, model: str = ""
) -> Pregel[Any, Any, Any, Any]:
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


def tools(entry: GraphEntry) -> list[Any]:
    """The tools that an entry names, for their schemas. Raises BrokenGraph where they cannot be loaded."""
    if not entry.tools:
        return []
    with _named(entry):
        return list(_target(entry, entry.tools))


async def _build(entry: GraphEntry, *, model: str) -> Pregel[Any, Any, Any, Any]:
    with _named(entry):
        return _compile(await _made(_target(entry, entry.target), config={"configurable": {"model": model}}))


@contextmanager
def _named(entry: GraphEntry) -> Iterator[None]:
    """Whatever a project's code raises becomes BrokenGraph."""
    try:
        yield
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
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

    from agents import guards

    if isinstance(made, StateGraph):
        made = made.compile()
    if not isinstance(made, Pregel):
        raise TypeError(f"it is a {type(made).__name__}, not a graph or a function that returns one.")
    guards.protect(made)
    return made


def _target(entry: GraphEntry, target: str) -> Any:
    if entry.fault:
        raise BrokenGraph(name=entry.name, why=entry.fault)
    place, _, name = target.rpartition(":")
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
        # What `pip install -e` would put there: the folder, and its `src` where the project has one.
        for folder in ((entry.base / dependency).resolve(), (entry.base / dependency / "src").resolve()):
            if folder.is_dir() and str(folder) not in sys.path:
                sys.path.append(str(folder))
    for key, value in entry.env.items():
        os.environ.setdefault(key, value)


def _module(place: str, *, base: Path | None) -> ModuleType:
    if base is None or not (place.endswith(".py") or "/" in place):
        return importlib.import_module(place)
    path = (base / place).resolve()
    name = _module_name(path, base=base)
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


def _module_name(path: Path, *, base: Path) -> str:
    """Named after its path, so that two projects may both have an agent.py.

    The same in every process, and on every machine that has the project in a folder of that name: a state's
    own classes are found again by the name of their module.
    """
    place = os.path.relpath(path, base.parent)
    digest = hashlib.sha256(place.encode()).hexdigest()[:12]
    name = f"countersign_graph_{digest}_{path.stem}"
    taken = getattr(sys.modules.get(name), "__file__", str(path))
    return name if taken == str(path) else f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
