"""What `operations` and `batch` share: an agent whose every tool call is put to Countersign's policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain.agents.middleware.human_in_the_loop import InterruptMode, InterruptOnConfig
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import ToolCall
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agents import chat_models, tools

PROMPT = (
    "You carry out office tasks with the tools you have. People review your actions before they run: "
    "they may change, refuse or answer one. Say in a sentence why, beside each tool call. Never repeat a "
    "call that was refused, and report honestly what was done and what was not."
)

MESSAGES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "messages": {
            "type": "array",
            "title": "Messages",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
                "required": ["role", "content"],
            },
        }
    },
    "required": ["messages"],
}


class ClearModelErrors(AgentMiddleware[AgentState[Any], None]):
    """Says in one sentence what a model provider did wrong."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model = model

    def wrap_model_call(
        self, request: ModelRequest[None], handler: Callable[[ModelRequest[None]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model."""
        with chat_models.clear_errors(self.model):
            return handler(request)

    async def awrap_model_call(
        self,
        request: ModelRequest[None],
        handler: Callable[[ModelRequest[None]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model."""
        with chat_models.clear_errors(self.model):
            return await handler(request)


def reviewed_agent(
    config: Mapping[str, Any] | None, *, name: str, mode: InterruptMode, ungated: Sequence[BaseTool] = ()
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """An agent with all demo tools, every one of them gated; and others that are not."""
    gates: dict[str, bool | InterruptOnConfig] = {tool.name: _gate(tool.name) for tool in tools.ALL}
    agent: CompiledStateGraph[Any, Any, Any, Any] = create_agent(
        chat_models.chosen(config),
        tools=[*tools.ALL, *ungated],
        system_prompt=PROMPT,
        middleware=[
            ClearModelErrors(chat_models.name_of(config)),
            HumanInTheLoopMiddleware(interrupt_on=gates, interrupt_mode=mode),
        ],
        name=name,
    )
    return agent


def _gate(name: str) -> InterruptOnConfig:
    # Also the harmless tools pause: whether a person is asked is the policy's word, not the graph's.
    if name == "ask":
        return InterruptOnConfig(allowed_decisions=["respond", "reject"], description=_describe)
    return InterruptOnConfig(allowed_decisions=["approve", "edit", "reject", "respond"], description=_describe)


def _describe(tool_call: ToolCall, state: AgentState[Any], runtime: Runtime[Any]) -> str:
    return tools.title(tool_call["name"], tool_call["args"])
