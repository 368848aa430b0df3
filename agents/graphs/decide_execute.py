"""Decides on an action, asks "Approve this action: …", then executes it; plans again after a rejection.

It asks at most three times for one action, then gives up and says so. The question is plain words; that it is
about the tool call that the model spoke last, and how an answer is put, stands in the graph's registry entry.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Command, interrupt

from agents import chat_models, guards, tools
from agents.models_offline import FEEDBACK

MESSAGE_KEY = "request"
INPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"request": {"type": "string", "title": "Request", "minLength": 1}},
    "required": ["request"],
}

#: Every action is asked about, and runs through the ledger.
RUN = {tool.name: guards.guarded(tool) for tool in tools.ALL}
MAX_ASKS = 3
APPROVED, REJECTED, TIMED_OUT = "approved", "rejected", "timed out"

PROMPT = (
    "Decide on the next action that the request needs and call its tool; with nothing left to do, say what was done."
)


class Decision(TypedDict, total=False):
    """What is asked for, what is proposed, and what people said."""

    request: str
    messages: Annotated[list[AnyMessage], add_messages]
    proposal: str
    approval_status: str
    #: The calls that were refused, and what they would have done.
    refused: dict[str, str]
    asks: int
    result: str


def graph(config: RunnableConfig) -> StateGraph[Any, Any, Any, Any]:
    """Decide, ask, execute; round again until there is nothing left to do."""
    model = chat_models.chosen(config).bind_tools(tools.ALL)
    name = chat_models.name_of(config)

    async def decide(state: Decision) -> Command[Literal["ask", "__end__"]]:
        asked = [] if state.get("messages") else [HumanMessage(state["request"])]
        talk = [SystemMessage(_prompt(state)), *_current(state), *asked]
        with chat_models.clear_errors(name):
            answer = await model.ainvoke(talk)
        if not answer.tool_calls:
            done = {"messages": [*asked, answer], "result": answer.text, "proposal": ""}
            return Command(goto="__end__", update=done)
        # One action, one question: of several calls only the first is proposed, the rest come round again.
        answer.tool_calls = answer.tool_calls[:1]
        call = answer.tool_calls[0]
        update = {"messages": [*asked, answer], "proposal": tools.title(call["name"], call["args"])}
        return Command(goto="ask", update={**update, "approval_status": "pending", "asks": state.get("asks", 0) + 1})

    builder = StateGraph(Decision)
    builder.add_node("decide", decide)
    builder.add_node("ask", _ask)
    builder.add_node("execute", _execute)
    builder.add_edge(START, "decide")
    builder.add_edge("execute", "decide")
    return builder


def _ask(state: Decision) -> Command[Literal["execute", "decide", "__end__"]]:
    again = f" (asked again, {state['asks']} of {MAX_ASKS})" if state["asks"] > 1 else ""
    answer = interrupt(f"Approve this action: {state['proposal']}{again}")
    if answer == APPROVED or answer is True:
        return Command(goto="execute", update={"approval_status": APPROVED})
    update = _refusal(state, answer)
    if state["asks"] < MAX_ASKS:
        return Command(goto="decide", update=update)
    end = f"Asked {MAX_ASKS} times and never approved, so this was not done: {state['proposal']}."
    return Command(goto="__end__", update={**update, "messages": [*update["messages"], AIMessage(end)], "result": end})


def _execute(state: Decision) -> dict[str, Any]:
    call = _call(state)
    tool = RUN.get(call["name"])
    if tool is None:
        return {"messages": [_answer(call, f"There is no tool {call['name']}.")], "asks": 0}
    return {"messages": [tool.invoke({**call, "type": "tool_call"})], "asks": 0}


def _refusal(state: Decision, answer: Any) -> dict[str, Any]:
    """Whatever is not a plain yes is a no; a reason is what the next plan should heed."""
    call, reason = _call(state), _reason(answer)
    why = "Nobody decided on this in time" if answer == TIMED_OUT else "A reviewer rejected this"
    messages: list[AnyMessage] = [_answer(call, f"{why}, so it was not done. {reason}".strip())]
    if reason:
        messages.append(HumanMessage(FEEDBACK.format(proposal=state["proposal"], reason=reason)))
    refused = {**state.get("refused", {}), str(call["id"]): state["proposal"]}
    return {"messages": messages, "approval_status": REJECTED, "refused": refused}


def _reason(answer: Any) -> str:
    """The reviewer's words: "rejected: REASON", or words alone."""
    if answer in (REJECTED, TIMED_OUT, False, None):
        return ""
    return str(answer).removeprefix(f"{REJECTED}:").strip()


def _current(state: Decision) -> list[AnyMessage]:
    """The conversation without the refused calls: those are told as a rule, not as a turn to go on from."""
    refused = state.get("refused", {})
    return [message for message in state.get("messages", []) if not _concerns(message, refused)]


def _concerns(message: AnyMessage, refused: dict[str, str]) -> bool:
    if isinstance(message, ToolMessage):
        return message.tool_call_id in refused
    return isinstance(message, AIMessage) and any(call["id"] in refused for call in message.tool_calls)


def _prompt(state: Decision) -> str:
    lines = [f"Not approved: {proposal}." for proposal in state.get("refused", {}).values()]
    return "\n".join([PROMPT, *lines])


def _call(state: Decision) -> ToolCall:
    last = next(message for message in reversed(state["messages"]) if isinstance(message, AIMessage))
    return last.tool_calls[0]


def _answer(call: ToolCall, text: str) -> ToolMessage:
    return ToolMessage(text, name=call["name"], tool_call_id=str(call["id"]), status="error")
