"""What the checkpointer holds for a thread, read. Pure: nothing here drives a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import PregelTask, StateSnapshot

from agents import transcripts
from agents.protocols import Pause

#: What the ids of static breakpoints begin with; LangGraph's own are digests.
BREAKPOINT = "breakpoint:"
#: Between the name of a node and the id of its task, in the name of what a subgraph keeps.
NS_END = ":"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the checkpointer holds for a thread at this moment."""

    values: Any
    checkpoint_id: str
    pauses: Sequence[Pause]
    #: The nodes it waits at; of a subgraph's node the whole way, "team:pay".
    places: Sequence[str] = ()
    #: What the tools of an unfinished step have answered already; the state does not hold it yet.
    results: Sequence[ToolMessage] = ()
    #: The tasks of the step that have not come to their end.
    unfinished: frozenset[str] = frozenset()
    #: A node of the step raised.
    raised: bool = False
    #: The graph may have stopped here by itself, though it asked nothing.
    may_be_breakpoint: bool = False

    @property
    def is_between(self) -> bool:
        """In the middle of the graph with no question asked: a static breakpoint, or a worker that died."""
        return any(pause.is_breakpoint for pause in self.pauses)

    @property
    def is_broken_off(self) -> bool:
        """Something is left to run that nobody needs to be asked about."""
        return (self.raised or self.is_between) and not self.may_be_breakpoint

    def is_past(self, *, interrupt_id: str, checkpoint_id: str, task_id: str = "") -> bool:
        """Did the task that asked this come to its end? It may have asked its next question instead.

        A breakpoint names no task, and answering it may make checkpoints before anything has run.
        """
        if interrupt_id.startswith(BREAKPOINT) or not self.checkpoint_id:
            return False
        return self.checkpoint_id != checkpoint_id or bool(task_id and task_id not in self.unfinished)

    def result_of(self, tool_call_id: str, *, asked: int = 0) -> ToolMessage | None:
        """The tool's answer to one call as soon as it has one: the `asked`-th call with this id, else the last."""
        if not tool_call_id:
            return None
        early = next((m for m in self.results if m.tool_call_id == tool_call_id), None)
        return transcripts.result_of(self.values, tool_call_id, asked=asked) or early

    def is_waited_for(self, *, tool_call_id: str, action: str) -> bool:
        """Has the model made this call and got no answer yet? One without an id is known by its name."""
        told = {message.tool_call_id for message in self.results}
        waiting = [call for call in transcripts.unanswered(self.values)[1] if call["id"] not in told]
        return any(call["id"] == tool_call_id if tool_call_id else call["name"] == action for call in waiting)

    def pause(self, interrupt_id: str) -> Pause | None:
        """The pause with this id, if it still waits."""
        return next((p for p in self.pauses if p.interrupt_id == interrupt_id), None)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A node that comes next, and the snapshot that holds its state."""

    node: str
    snapshot: StateSnapshot
    #: The way to it, where a subgraph stopped: "team:desk".
    inside: str = ""


def stops(snapshot: StateSnapshot, *, inside: str = "") -> Iterator[Stop]:
    """The innermost nodes that come next."""
    for task in snapshot.tasks:
        if task.name not in snapshot.next:
            continue
        way = f"{inside}:{task.name}" if inside else task.name
        inner = list(stops(task.state, inside=way)) if isinstance(task.state, StateSnapshot) else []
        yield from inner or [Stop(node=task.name, snapshot=snapshot, inside=inside)]


def places(snapshot: StateSnapshot) -> Iterator[str]:
    """The nodes that asked; where none did, those that come next."""
    asking = [task for task in snapshot.tasks if task.interrupts]
    for task in asking or [task for task in snapshot.tasks if task.name in snapshot.next]:
        inner = list(places(task.state)) if isinstance(task.state, StateSnapshot) else []
        yield from [f"{task.name}:{place}" for place in inner] or [task.name]


def namespaces(snapshot: StateSnapshot) -> list[str]:
    """Where a graph that LangGraph cannot find would keep its checkpoints, called by a node that did not raise."""
    idle = [task for task in snapshot.tasks if task.name in snapshot.next and task.state is None]
    return [f"{task.name}{NS_END}{task.id}" for task in idle if not task.interrupts and task.error is None]


def results(snapshot: StateSnapshot) -> list[ToolMessage]:
    """What finished tasks of the step have said; LangGraph drops it when new input comes."""
    written = [value for task in snapshot.tasks for value in _listed(task.result)]
    return [message for message in written if isinstance(message, ToolMessage)]


def bricked(snapshot: StateSnapshot) -> Iterator[tuple[RunnableConfig, PregelTask]]:
    """The innermost tasks that were answered and raised, each with the checkpoint it belongs to."""
    for task in snapshot.tasks:
        inner = list(bricked(task.state)) if isinstance(task.state, StateSnapshot) else []
        yield from inner
        if not inner and task.error is not None and task.interrupts:
            yield snapshot.config, task


def _listed(result: Any) -> list[Any]:
    values = result.values() if isinstance(result, Mapping) else [result]
    return [item for value in values for item in (value if isinstance(value, list) else [value])]
