"""What the runtime saw when a graph stopped, in plain values. Pure: no LangGraph here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.asks import Ask
from approvals.contract import Card


@dataclass(frozen=True, kw_only=True)
class Step:
    """A node that runs when a static breakpoint is passed, and the state that it reads."""

    node: str
    #: The values that are JSON: people may edit them.
    state: Mapping[str, Any] = field(default_factory=dict)
    #: What is not JSON, as far as it can be shown; nobody edits that.
    fixed: Mapping[str, Any] = field(default_factory=dict)
    ask: Ask = field(default_factory=Ask)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """One interrupt, or one static breakpoint (then `value` is None and `is_breakpoint` is true)."""

    interrupt_id: str
    #: The node that stopped, or before which the graph stopped.
    node: str
    value: Any = None
    #: LangGraph's own name for the task that asked; a breakpoint has none.
    task_id: str = ""
    response_schema: dict[str, Any] | None = None
    is_breakpoint: bool = False
    #: At a breakpoint, the calls of the last AI message that nothing answers.
    tool_calls: Sequence[dict[str, Any]] = ()
    #: At a breakpoint, the nodes that are asked about besides.
    steps: Sequence[Step] = ()
    #: At a breakpoint, everything runs or nothing does: the graph cannot run a part of it.
    is_whole: bool = False
    #: May people change the state? Not where several nodes, or a subgraph's, read it.
    may_edit: bool = True
    #: {"role", "content", "name", "tool_calls"}, oldest first.
    conversation: Sequence[dict[str, Any]] = ()
    #: JSON Schema of the arguments of each tool that could be found in the graph.
    tool_schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    #: What the graph's side knows of its actions, by name.
    cards: Mapping[str, Card] = field(default_factory=dict)
    #: The registry's own words for a plain question, e.g. {"approve": "approved"}.
    words: Mapping[str, Any] = field(default_factory=dict)
    #: The tools that go through the ledger.
    ledgered: Collection[str] = frozenset()
    #: What this node is answered is carried out by such a tool: it is LangChain's review, or a tool node.
    asks_before_tools: bool = False
    #: The graph's entry says that whatever it does goes through the ledger.
    is_guarded: bool = False
    #: What the registry says about a pause of this node.
    ask: Ask = field(default_factory=Ask)

    @property
    def reasoning(self) -> str:
        """The text of the agent's last message."""
        spoken = (m["content"] for m in reversed(self.conversation) if m["role"] == "agent")
        return next(spoken, "")

    @property
    def open_call(self) -> Mapping[str, Any] | None:
        """The one tool call that no tool message answers yet; None where there are several or none."""
        answered: set[str] = set()
        # Backwards to the calls: an answer before them is to an earlier call that had the same id.
        for turn in reversed(self.conversation):
            if turn["tool_calls"]:
                waiting = [call for call in turn["tool_calls"] if call["id"] not in answered]
                return waiting[0] if len(waiting) == 1 else None
            if turn["role"] == "tool":
                answered.add(turn["tool_call_id"])
        return None

    def times_asked(self, tool_call_id: str) -> int:
        """How often the agent has made a call with this id, this time included."""
        made = [call["id"] for turn in self.conversation for call in turn["tool_calls"]]
        return made.count(tool_call_id)

    def call_id(self, name: str, args: Mapping[str, Any], *, skip: int = 0) -> str:
        """The id of the call with this name and these arguments; `skip` passes over identical ones."""
        spoken = (m["tool_calls"] for m in reversed(self.conversation) if m["tool_calls"])
        last: Sequence[dict[str, Any]] = next(spoken, [])
        ids = [call["id"] for call in last if call["name"] == name and call["args"] == args]
        return str(ids[skip]) if skip < len(ids) else ""
