"""The tools of a graph put through the ledger, with the graph's code as it is.

Only what a tool node runs can be reached; what a node does by itself is not, and its tickets say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, ToolException
from langgraph.pregel import Pregel
from pydantic import ValidationError

from agents import effects, ledger, nodes, outcomes
from agents.effects import Call, Terms
from agents.errors import BadTool, NotAuthorised

#: In the metadata of a tool: for how many seconds its provider remembers a key, a function that is asked whether
#: the effect with a key happened, and after how many seconds it is given up.
IDEMPOTENT, PROBE, DEADLINE = "idempotent", "probe", "deadline_seconds"
MARK = "_countersign"


class IdempotencyKey(InjectedToolArg):
    """`key: Annotated[str, IdempotencyKey]`: an argument that the ledger fills in, and the model never sees."""


def protect(graph: Pregel[Any, Any, Any, Any]) -> None:
    """Put every tool that a tool node of this graph runs, its subgraphs' too, through the ledger. Harmless again."""
    for inner in nodes.graphs(graph).values():
        gated = reviewed(inner)
        for name, node in nodes.tool_nodes(inner):
            is_stop = inner.interrupt_before_nodes == "*" or name in inner.interrupt_before_nodes
            for tool in list(node.tools_by_name.values()):
                node.tools_by_name[tool.name] = guarded(tool, is_gated=is_stop or tool.name in gated)


def reviewed(graph: Pregel[Any, Any, Any, Any]) -> frozenset[str]:
    """The tools that LangChain's review stops at every time. With `when` it may let one through by itself."""
    gates = [gate for node in graph.nodes for gate in nodes.review(graph, node).items()]
    return frozenset(name for name, gate in gates if "when" not in gate)


def guarded(tool: BaseTool, *, is_gated: bool = True) -> BaseTool:
    """The tool, called through the ledger. Gated, it runs only under an approval of exactly this call."""
    if MARK in vars(tool):
        return tool
    inner = tool.model_copy(update={"handle_tool_error": _noting(tool.handle_tool_error)})
    _replace(inner, invoke=_entered(inner.invoke))
    return _replace(inner.model_copy(), **_Guard(inner, is_gated=is_gated).ways)


class _Guard:
    """One tool behind the ledger."""

    def __init__(self, tool: BaseTool, *, is_gated: bool) -> None:
        self.tool = tool
        self.is_gated = is_gated
        self.terms = terms_of(tool)
        self.ways: dict[str, Any] = {"invoke": self.invoke, "ainvoke": self.ainvoke, MARK: True}

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As the tool's own."""

        def work() -> Any:
            with self._proving(input):
                return self.tool.invoke(self._with_key(input), config, **kwargs)

        try:
            value = ledger.carry_out_sync(self._call(input, config), self.terms, work, is_gated=self.is_gated)
        except NotAuthorised as refusal:
            return self._refused(input, refusal)
        return self._answer(input, value)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As the tool's own."""

        async def work() -> Any:
            with self._proving(input):
                return await self.tool.ainvoke(self._with_key(input), config, **kwargs)

        try:
            value = await ledger.carry_out(self._call(input, config), self.terms, work, is_gated=self.is_gated)
        except NotAuthorised as refusal:
            return self._refused(input, refusal)
        return self._answer(input, value)

    def _call(self, input: Any, config: RunnableConfig | None) -> Call | None:
        args, call_id = _said(input)
        passed = self.tool._filter_injected_args(args)
        return ledger.call_of(config, action=self.tool.name, args=passed, call_id=call_id)

    @contextmanager
    def _proving(self, input: Any) -> Iterator[None]:
        """Arguments that do not fit prove that nothing ran; the same error from inside the tool does not."""
        try:
            yield
        except ValidationError:
            args, call_id = _said(self._with_key(input))
            try:
                self.tool._parse_input(args, call_id)
            except ValidationError as error:
                outcomes.note(ToolException(str(error)))
            raise

    def _with_key(self, input: Any) -> Any:
        """The arguments with the key in them, where the tool asks for it."""
        keys = dict.fromkeys(_key_names(self.tool), ledger.idempotency_key())
        if not keys or not isinstance(input, Mapping):
            return input
        return {**input, "args": {**input["args"], **keys}} if _is_call(input) else {**input, **keys}

    def _refused(self, input: Any, refusal: NotAuthorised) -> ToolMessage:
        """The model reads why; to raise here would end runs that can go on."""
        if not _is_call(input):
            raise refusal
        return self._message(input, str(refusal), status="error")

    def _answer(self, input: Any, value: Any) -> Any:
        """What a person or a provider said in the tool's place comes as words, and a tool node takes messages."""
        return self._message(input, value) if _is_call(input) and isinstance(value, str) else value

    def _message(self, input: Any, words: str, **facts: Any) -> ToolMessage:
        return ToolMessage(words, name=self.tool.name, tool_call_id=str(input["id"]), **facts)


def terms_of(tool: BaseTool) -> Terms:
    """What a tool's metadata declares. Raises BadTool for what makes no sense."""
    said = tool.metadata or {}
    window, deadline = said.get(IDEMPOTENT), said.get(DEADLINE, effects.DEADLINE_SECONDS)
    if not _is_seconds(deadline) or not (window is None or _is_seconds(window)):
        raise BadTool(name=tool.name, why=f"“{IDEMPOTENT}” and “{DEADLINE}” are seconds, more than 0")
    if not (said.get(PROBE) is None or callable(said[PROBE])):
        raise BadTool(name=tool.name, why=f"“{PROBE}” is a function that is given the idempotency key")
    return Terms(deadline_seconds=deadline, window_seconds=window, probe=said.get(PROBE))


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _key_names(tool: BaseTool) -> list[str]:
    fields = getattr(tool.args_schema, "model_fields", {})
    return [name for name, field in fields.items() if any(_is_key(told) for told in field.metadata)]


def _is_key(told: Any) -> bool:
    return told is IdempotencyKey or isinstance(told, IdempotencyKey)


def _is_call(input: Any) -> bool:
    return isinstance(input, Mapping) and input.get("type") == "tool_call"


def _said(input: Any) -> tuple[dict[str, Any], str]:
    """The arguments, and the id of the model's call where it is one."""
    if _is_call(input):
        return dict(input["args"]), str(input["id"] or "")
    return (dict(input), "") if isinstance(input, Mapping) else ({"input": input}, "")


def _noting(words: Any) -> Any:
    """What turns a tool's refusal into words, and keeps the refusal for the ledger."""
    if not words:
        return words

    def handle(error: ToolException) -> Any:
        outcomes.note(error)
        if callable(words):
            return words(error)
        return words if isinstance(words, str) else (error.args or ["Tool execution error"])[0]

    return handle


def _entered(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """The tool's own code, which says while a thread is in it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with outcomes.inside():
            return invoke(*args, **kwargs)

    return call


def _replace(tool: BaseTool, **ways: Any) -> BaseTool:
    """Set what pydantic would not let be set: attributes of one tool that stand before those of its class."""
    vars(tool).update(ways)
    return tool
