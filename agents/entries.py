"""One registered graph, as its entry describes it, and the entries of the built-in ones. Imports no graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.asks import Ask
from approvals.contract import Card

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


@dataclass(frozen=True, kw_only=True)
class GraphEntry:
    """One registered graph."""

    name: str
    #: "package.module:name" or "./path.py:name".
    target: str
    description: str = ""
    #: The words a plain question of this graph is answered with.
    words: Mapping[str, Any] | None = None
    #: What the pauses of its nodes propose.
    asks: Mapping[str, Ask] = field(default_factory=dict)
    #: What is known of its actions, by name.
    cards: Mapping[str, Card] = field(default_factory=dict)
    #: "package.module:name" of a list of tools, for their schemas: of a graph that calls them by hand.
    tools: str = ""
    #: All that it does goes through the ledger: its code calls `ledger.once` or guarded tools, and nothing beside.
    is_guarded: bool = False
    #: What input is checked against; None takes any object.
    input_schema: dict[str, Any] | None = None
    #: The key of the input that a plain message goes to; empty: the input's schema tells.
    message: str = ""
    #: The directory of the langgraph.json that named it; None for the built-in ones.
    base: Path | None = None
    dependencies: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    #: Why it can never be loaded: its entry is malformed.
    fault: str = ""


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
        words={"approve": "approved", "reject": "rejected: {message}", "timeout": "timed out"},
        asks={"ask": Ask(call=True)},
        tools="agents.tools:ALL",
        is_guarded=True,
        input_schema=TASK_SCHEMA,
    ),
    GraphEntry(
        name="email_draft",
        target="agents.graphs.email_draft:graph",
        description="Drafts an e-mail that can be edited before it is sent.",
        asks={"send": Ask(action="send_email", args=("to", "subject", "body"), result="result")},
        tools="agents.tools:ALL",
        is_guarded=True,
        input_schema=TASK_SCHEMA,
    ),
    GraphEntry(
        name="tool_review",
        target="agents.graphs.tool_review:graph",
        description="Runs safe tools freely and stops before the sensitive ones.",
        input_schema=MESSAGES_SCHEMA,
    ),
    GraphEntry(
        name="tool_interrupt",
        target="agents.graphs.tool_interrupt:graph",
        description="Asks from inside its tool node, with an action, its arguments and a message.",
        tools="agents.tools:ALL",
        is_guarded=True,
        input_schema=MESSAGES_SCHEMA,
    ),
    GraphEntry(
        name="clarify",
        target="agents.graphs.clarify:graph",
        description="Asks when a task can be read in more than one way; has a best guess if nobody answers.",
        words={"approve": True, "reject": False, "respond": "{message}", "timeout": {"timed_out": True}},
        asks={"tools": Ask(call=True)},
        input_schema=MESSAGES_SCHEMA,
    ),
    GraphEntry(
        name="agent_inbox",
        target="agents.graphs.agent_inbox:graph",
        description="Asks in the HumanInterrupt format of LangChain's Agent Inbox.",
        tools="agents.tools:ALL",
        is_guarded=True,
        input_schema=MESSAGES_SCHEMA,
    ),
)
