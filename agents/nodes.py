"""What a graph is made of: which of its nodes run tools, with what, and where it stops by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from pydantic import BaseModel

from agents.entries import GraphEntry
from approvals import cards
from approvals.contract import Card

#: What tool nodes that are written by hand are called; one that reviews, checks or asks is none.
TOOL_NODE = re.compile(
    r"(?!.*(review|approv|check|confirm|human|ask))(.*tools.*|.*tool_node|(call|run|execute|use)_tool)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """The nodes of one graph, a subgraph's too: there `inside` is the way to it, "team:desk"."""

    graph: Pregel[Any, Any, Any, Any]
    entry: GraphEntry
    tools: Sequence[BaseTool] = ()

    def tool_node(self, names: Sequence[str], *, inside: str = "") -> str:
        """The one of these nodes that runs the tools; empty where none does."""
        graph = self._graphs().get(inside)
        known = _tool_nodes(graph) if graph else {}
        found = next((name for name in names if name in known), "")
        return found or next((name for name in names if self._runs_tools(name, known)), "")

    def may_stop_before(self, names: Sequence[str]) -> bool:
        """Is the graph built to stop here? Where that cannot be told for sure, yes: then people are asked."""
        if not names:
            return False
        if self.graph.interrupt_after_nodes or self.stops_before(names):
            return True
        inner = [graph for way, graph in self._graphs().items() if way]
        return any(graph.interrupt_before_nodes or graph.interrupt_after_nodes for graph in inner)

    def stops_before(self, names: Sequence[str], *, behind: str = "") -> bool:
        """Does the graph stop before one of these, or behind the node that was there?"""
        before, after = self.graph.interrupt_before_nodes, self.graph.interrupt_after_nodes
        return before == "*" or bool(set(names) & set(before)) or after == "*" or behind in after

    def tool_schemas(self) -> dict[str, dict[str, Any]]:
        """The schema of each tool's arguments."""
        return {tool.name: _schema(tool.tool_call_schema) for tool in self._all_tools()}

    def cards(self) -> dict[str, Card]:
        """What the graph's entry says of its actions, over what their tools say in their metadata."""
        said = {tool.name: cards.claimed(tool.metadata) for tool in self._all_tools()}
        return said | {name: cards.beside(card, said.get(name, Card())) for name, card in self.entry.cards.items()}

    def _all_tools(self) -> list[BaseTool]:
        """The graph's own tools where they are found, beside those that its entry names."""
        found = [node for graph in self._graphs().values() for node in _tool_nodes(graph).values()]
        return [*self.tools, *(tool for node in reversed(found) for tool in node.tools_by_name.values())]

    def _runs_tools(self, name: str, known: Mapping[str, ToolNode]) -> bool:
        """A tool node written by hand: its entry says so, or it is called one in a graph that has no other.

        Nothing else may be taken for one: behind a node that only looks at calls, refused calls would run.
        """
        if name in self.entry.asks:
            return self.entry.asks[name].call
        return not known and bool(TOOL_NODE.fullmatch(name))

    def ledgered(self) -> frozenset[str]:
        """The tools that go through the ledger: all that a tool node runs."""
        found = [node for graph in self._graphs().values() for node in _tool_nodes(graph).values()]
        return frozenset(name for node in found for name in node.tools_by_name)

    def asks_before_its_tools(self, name: str) -> bool:
        """Is this node LangChain's review, or a tool node whose tools ask? Then the ledger runs what is approved."""
        return any(name in _tool_nodes(graph) or review(graph, name) for graph in self._graphs().values())

    def _graphs(self) -> dict[str, Pregel[Any, Any, Any, Any]]:
        return graphs(self.graph)


def graphs(graph: Pregel[Any, Any, Any, Any]) -> dict[str, Pregel[Any, Any, Any, Any]]:
    """A graph and its subgraphs, by the way to each: "team:desk"."""
    inner = graph.get_subgraphs(recurse=True)
    return {"": graph, **{way.replace("|", ":"): found for way, found in inner if isinstance(found, Pregel)}}


def tool_nodes(graph: Pregel[Any, Any, Any, Any]) -> Iterator[tuple[str, ToolNode]]:
    """Every tool node, under the name of the node that it stands in."""
    for name, node in graph.nodes.items():
        for found in _unwrapped(node.bound):
            yield name, found


def review(graph: Pregel[Any, Any, Any, Any], name: str) -> dict[str, Any]:
    """What LangChain's review in this node stops at, tool by tool; nothing where the node is another one."""
    # Not by `getattr`: one with fallbacks answers for what it wraps, and resolves all its types to do so.
    facts = vars(graph.nodes[name].bound) if name in graph.nodes else {}
    function = facts.get("func") or facts.get("afunc")
    return dict(getattr(getattr(function, "__self__", None), "interrupt_on", None) or {})


def _tool_nodes(graph: Pregel[Any, Any, Any, Any]) -> dict[str, ToolNode]:
    return dict(reversed(list(tool_nodes(graph))))  # the first of a node is the one that it runs


def _unwrapped(runnable: Any) -> Iterator[ToolNode]:
    """The tool node, also where it is tried again, has fallbacks, or stands in a sequence."""
    if isinstance(runnable, ToolNode):
        yield runnable
    elif isinstance(runnable, RunnableBindingBase):
        yield from _unwrapped(runnable.bound)
    elif isinstance(runnable, RunnableWithFallbacks):
        for tried in (runnable.runnable, *runnable.fallbacks):
            yield from _unwrapped(tried)
    elif isinstance(runnable, RunnableSequence):
        for step in runnable.steps:
            yield from _unwrapped(step)


def _schema(shape: Any) -> dict[str, Any]:
    if isinstance(shape, dict):
        return shape
    found: dict[str, Any] = shape.model_json_schema() if issubclass(shape, BaseModel) else shape.schema()
    return found
