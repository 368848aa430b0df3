"""Graphs as nobody here wrote them, in the shapes that documentation and examples show."""

from __future__ import annotations

import asyncio
import json
import operator
from typing import Annotated, Any, Literal, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    ToolCallLimitMiddleware,
)
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, Field

from agents.models_offline import ScriptedChatModel
from tests.agents.example_graphs import EFFECTS

NAMES = [
    "approve_or_reject",
    "review_and_edit",
    "tool_asks",
    "wrapped_tool",
    "validated",
    "assistance",
    "inbox_joke",
    "inbox_text",
    "inbox_dict",
    "javascript",
    "stacked",
    "stacked_batch",
    "agent_breakpoint",
    "nested",
    "called_inside",
    "functional",
    "async_only",
    "two_in_one",
    "fan_out",
    "after_tools",
    "after_step",
    "everywhere",
    "typed",
    "shaped",
    "quiet_review",
]


class Some(TypedDict, total=False):
    """What is asked and what came back."""

    asked: str
    text: str
    got: Any
    more: Annotated[list[Any], operator.add]


def _asking(value: Any, **schema: Any) -> StateGraph[Any, Any, Any, Any]:
    """One node that keeps the very value it is resumed with."""
    builder = StateGraph(Some)
    builder.add_node("ask", lambda state: {"got": interrupt(value, **schema)})
    builder.add_edge(START, "ask")
    return builder


# LangGraph, "approve or reject": the answer decides where to go.
def _approval(state: Some) -> Command[Literal["proceed", "cancel"]]:
    is_approved = interrupt({"question": "Do you want to proceed?", "details": state.get("asked")})
    return Command(goto="proceed" if is_approved else "cancel", update={"got": is_approved})


approve_or_reject = StateGraph(Some)
approve_or_reject.add_node("approval", _approval)
approve_or_reject.add_node("proceed", lambda state: EFFECTS.append("proceeded"))
approve_or_reject.add_node("cancel", lambda state: EFFECTS.append("cancelled"))
approve_or_reject.add_edge(START, "approval")

# LangGraph, "review and edit": the edited text comes back.
review_and_edit = _asking({"instruction": "Review and edit this content", "content": "A first draft"})


# LangGraph, "interrupts in tools": the arguments lie flat among the other keys.
@tool
def send_email(to: str, subject: str) -> str:
    """Send an email."""
    words = "Approve sending this email?"
    response = interrupt({"action": "send_email", "to": to, "subject": subject, "message": words})
    if response.get("action") != "approve":
        return "Email cancelled by user"
    EFFECTS.append(f"emailed {response.get('to', to)}")
    return f"Email sent to {response.get('to', to)}"


def _calling(*calls: dict[str, Any]) -> Any:
    def agent(state: MessagesState) -> dict[str, Any]:
        if any(isinstance(message, ToolMessage) for message in state["messages"]):
            return {"messages": [AIMessage("All done.")]}
        made = [{**call, "id": f"call-{n}"} for n, call in enumerate(calls)]
        return {"messages": [AIMessage("I act.", tool_calls=made)]}

    return agent


def _with_tool_node(agent: Any, *tools: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode(list(tools)))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder


EMAIL = {"name": "send_email", "args": {"to": "bob@example.com", "subject": "Hi"}}
tool_asks = _with_tool_node(_calling(EMAIL), send_email)


# LangGraph, "add interrupts to any tool": a wrapper that speaks the Agent Inbox format.
@tool
def book_hotel(hotel: str) -> str:
    """Book a hotel."""
    request = {
        "action_request": {"action": "book_hotel", "args": {"hotel": hotel}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True},
        "description": "Please review the tool call",
    }
    response = interrupt([request])[0]
    if response["type"] == "accept":
        EFFECTS.append(f"booked {hotel}")
        return f"Booked {hotel}"
    if response["type"] == "edit":
        EFFECTS.append(f"booked {response['args']['args']['hotel']}")
        return f"Booked {response['args']['args']['hotel']}"
    if response["type"] == "response":
        return str(response["args"])
    raise ValueError(f"Unsupported interrupt response type: {response['type']}")


wrapped_tool = _with_tool_node(_calling({"name": "book_hotel", "args": {"hotel": "McKittrick"}}), book_hotel)


# LangGraph, "validating human input": it asks again until the answer is a number.
def _age(state: Some) -> Some:
    question = "What is your age?"
    while True:
        answer = interrupt(question)
        if str(answer).isdecimal():
            return {"got": answer}
        question = f"'{answer}' is not a valid age. What is your age?"


validated = StateGraph(Some)
validated.add_node("age", _age)
validated.add_edge(START, "age")

# LangGraph's first tutorial, "human assistance": the answer is read under a key.
assistance = StateGraph(Some)
assistance.add_node("human", lambda state: {"got": interrupt({"query": state.get("asked")})["data"]})
assistance.add_edge(START, "human")

# LangChain's Agent Inbox example: a joke to confirm. The two others are as its page also reads them.
JOKE = {
    "action_request": {"action": "Confirm Joke", "args": {"joke": "What did the fish say?"}},
    "config": {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True},
    "description": "# Confirm Joke\n\nIs it a good one?",
}
inbox_joke = _asking([JOKE])
inbox_text = _asking(json.dumps(JOKE))
inbox_dict = _asking(JOKE)

# LangChain for JavaScript asks in another casing.
javascript = _asking(
    {
        "actionRequests": [{"name": "pay", "args": {"n": 1}}, {"name": "pay", "args": {"n": 2}}],
        "reviewConfigs": [{"actionName": "pay", "allowedDecisions": ["approve", "edit", "reject"]}] * 2,
    }
)


# LangChain, `create_agent` with middleware around the review.
@tool
def order(quantity: int, item: str) -> str:
    """Order something."""
    EFFECTS.append(f"ordered {quantity} {item}")
    return f"ordered {quantity} {item}"


class Shouting(AgentMiddleware):  # type: ignore[type-arg]
    """Wraps every tool call."""

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        result = await handler(request)
        return result.model_copy(update={"content": result.text.upper()})


class Ordering(ScriptedChatModel):
    """Calls `order` once for each "order N ITEM" of the task."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        made = _calling(*[{"name": "order", "args": {"quantity": n, "item": "pens"}} for n in (1, 2)])
        from langchain_core.outputs import ChatGeneration, ChatResult

        return ChatResult(generations=[ChatGeneration(message=made({"messages": messages})["messages"][0])])


def _stacked(mode: Any) -> Any:
    return create_agent(
        Ordering(),
        tools=[order],
        middleware=[
            ModelCallLimitMiddleware(run_limit=5),
            Shouting(),
            HumanInTheLoopMiddleware(interrupt_on={"order": True}, interrupt_mode=mode),
            ToolCallLimitMiddleware(run_limit=5),
        ],
    )


def stacked() -> Any:
    """One interrupt for each call."""
    return _stacked("per_call")


def stacked_batch() -> Any:
    """One for all calls of a turn."""
    return _stacked("batched")


def agent_breakpoint() -> Any:
    """A static breakpoint before the tools of `create_agent`."""
    return create_agent(Ordering(), tools=[order], interrupt_before=["tools"])


# Subgraphs: as a node, and called inside a node.
_inner = _asking("Deep down?").compile()
nested = StateGraph(Some)
nested.add_node("child", _inner)
nested.add_node("after", lambda state: EFFECTS.append(f"got {state['got']}"))
nested.add_edge(START, "child")
nested.add_edge("child", "after")

called_inside = StateGraph(Some)
called_inside.add_node("outer", lambda state: {"got": _inner.invoke({"asked": "x"})["got"]})
called_inside.add_edge(START, "outer")


# The functional API.
@task
def write_essay(topic: str) -> str:
    """Write."""
    EFFECTS.append(f"wrote about {topic}")
    return f"An essay about {topic}"


@entrypoint()
def functional(given: dict[str, Any]) -> dict[str, Any]:
    """Write an essay and have it approved."""
    essay = write_essay(given["topic"]).result()
    is_approved = interrupt({"essay": essay, "action": "Please approve or reject the essay"})
    return {"essay": essay, "is_approved": is_approved}


# Nodes that are coroutines only.
async def _slow_question(state: Some) -> Some:
    await asyncio.sleep(0)
    return {"got": interrupt("Now?")}


async_only = StateGraph(Some)
async_only.add_node("ask", _slow_question)
async_only.add_edge(START, "ask")


# Two questions in one node; the node begins again from its top at each answer.
two_in_one = StateGraph(Some)
two_in_one.add_node("ask", lambda state: {"more": [interrupt("First?"), interrupt("Second?")]})
two_in_one.add_edge(START, "ask")

# One node many times at once.
fan_out = StateGraph(Some)
fan_out.add_node("one", lambda state: {"more": [(state["asked"], interrupt(f"{state['asked']}?"))]})
fan_out.add_conditional_edges(START, lambda state: [Send("one", {"asked": n}) for n in "abc"], ["one"])


# Static breakpoints behind nodes, and everywhere.
after_tools = _with_tool_node(_calling({"name": "order", "args": {"quantity": 1, "item": "pens"}}), order).compile(
    interrupt_after=["tools"]
)
_steps = StateGraph(Some)
_steps.add_node("write", lambda state: {"text": "Hello"})
_steps.add_node("send", lambda state: EFFECTS.append(f"sent {state['text']}"))
_steps.add_edge(START, "write")
_steps.add_edge("write", "send")
after_step = _steps.compile(interrupt_after=["write"])
everywhere = _steps.compile(interrupt_before="*")


# The graph says what an answer looks like: as a class, and as a schema.
class Trip(BaseModel):
    """Where to and when."""

    city: str = Field(min_length=1)
    days: int = Field(ge=1, le=30)


def _trip(state: Some) -> Some:
    trip = interrupt("Where to?", response_schema=Trip)
    return {"got": [type(trip).__name__, trip.city, trip.days]}


typed = StateGraph(Some)
typed.add_node("ask", _trip)
typed.add_edge(START, "ask")
shaped = _asking({"question": "How many?", "best_guess": 3}, response_schema={"type": "integer", "minimum": 1})


# A node that only looks at the calls, with a breakpoint before it; the tool node comes behind.
_quiet = StateGraph(MessagesState)
_quiet.add_node("agent", _calling({"name": "order", "args": {"quantity": 1, "item": "pens"}}))
_quiet.add_node("review", lambda state: None)
_quiet.add_node("tools", ToolNode([order]))
_quiet.add_edge(START, "agent")
_quiet.add_conditional_edges("agent", lambda s: "review" if s["messages"][-1].tool_calls else END, ["review", END])
_quiet.add_edge("review", "tools")
_quiet.add_edge("tools", "agent")
quiet_review = _quiet.compile(interrupt_before=["review"])
