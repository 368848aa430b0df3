"""The patterns of the four documents that Countersign comes from, as graphs; `EFFECTS` counts what really ran.

A model is stood in for by one that calls the tools its task names, and ends once they are answered.
"""

from __future__ import annotations

import json
import operator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from tests.agents.example_graphs import EFFECTS

NAMES = [
    "gate",
    "dangerous",
    "approval",
    "email_checkpoint",
    "tutorial",
    "before_and_after",
    "selective",
    "dynamic",
]


@tool
def send_email(to: str, subject: str = "Hi") -> str:
    """Send an email."""
    EFFECTS.append(f"emailed {to}")
    return f"Email sent to {to}"


@tool
def delete_file(path: str) -> str:
    """Delete a file."""
    EFFECTS.append(f"deleted {path}")
    return f"File {path} deleted"


@tool
def safe_search(query: str) -> str:
    """Search."""
    EFFECTS.append(f"searched {query}")
    return f"Results for {query}"


TOOLS = [send_email, delete_file, safe_search]
BY_NAME = {tool.name: tool for tool in TOOLS}
ARGS = {
    "send_email": {"to": "boss@example.com", "subject": "Hi"},
    "delete_file": {"path": "a.txt"},
    "safe_search": {"query": "rain"},
}
DANGEROUS = {"send_email", "delete_file"}


def agent(state: MessagesState) -> dict[str, Any]:
    """Calls every tool that the task names, in one turn."""
    if any(isinstance(message, ToolMessage) for message in state["messages"]):
        return {"messages": [AIMessage("Done.")]}
    asked = state["messages"][0].text.split()
    calls = [{"name": name, "args": ARGS[name], "id": f"call-{n}"} for n, name in enumerate(asked) if name in ARGS]
    return {"messages": [AIMessage("I call the tools.", tool_calls=calls)]}


def by_hand(state: MessagesState) -> dict[str, Any]:
    """The tutorial's own tool node."""
    outputs = []
    for call in state["messages"][-1].tool_calls:
        result = BY_NAME[call["name"]].invoke(call["args"])
        outputs.append(ToolMessage(content=json.dumps(result), name=call["name"], tool_call_id=call["id"]))
    return {"messages": outputs}


def _calls(state: MessagesState) -> list[Any]:
    return getattr(state["messages"][-1], "tool_calls", None) or []


def _wanted(state: MessagesState) -> str:
    return "tools" if _calls(state) else END


def _sorted(state: MessagesState) -> str:
    if not _calls(state):
        return END
    return "sensitive_tools" if any(call["name"] in DANGEROUS for call in _calls(state)) else "safe_tools"


def _with_tools(route: Any, **nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(name, "agent")
    builder.add_conditional_edges("agent", route, [*nodes, END])
    return builder


# Document 000: classify the tools, stop before the node that runs them. As printed, a dangerous call is routed
# to END, so the graph is finished and `invoke(None)` does nothing. Mended: it goes to the node it stops before.
gate = _with_tools(_wanted, tools=ToolNode(TOOLS)).compile(interrupt_before=["tools"])
dangerous = _with_tools(
    lambda state: {"sensitive_tools": "dangerous_tools"}.get(_sorted(state), _sorted(state)),
    safe_tools=ToolNode(TOOLS),
    dangerous_tools=ToolNode(TOOLS),
).compile(interrupt_before=["dangerous_tools"])


# Document 001: decide, get approval, execute.
class ApprovalState(TypedDict, total=False):
    """As printed."""

    request: str
    reasoning: str
    approval_status: str
    feedback: str


def _get_approval(state: ApprovalState) -> ApprovalState:
    answer = interrupt(f"Approve this action: {state['reasoning']}")
    return {"approval_status": answer, "feedback": answer}


def _execute(state: ApprovalState) -> ApprovalState:
    if state["approval_status"] != "approved":
        return {"request": "Action rejected by human review."}
    EFFECTS.append(state["request"])
    return {"request": f"Action completed: {state['request']}"}


# As printed, the edges lead to nodes "approved" and "rejected" that do not exist, and the graph is resumed by
# `invoke({"approval_status": …})`, which starts over instead of answering. Mended: the edge leads to "execute",
# whose own first line handles a rejection, and the answer comes through `Command(resume=…)`.
_approval = StateGraph(ApprovalState)
_approval.add_node("decide", lambda state: {"reasoning": f"It is best to: {state['request']}"})
_approval.add_node("get_approval", _get_approval)
_approval.add_node("execute", _execute)
_approval.add_edge(START, "decide")
_approval.add_edge("decide", "get_approval")
_approval.add_edge("get_approval", "execute")
_approval.add_edge("execute", END)
approval = _approval


# Document 002: a fixed checkpoint before the e-mail is sent; works as printed.
class AgentState(TypedDict):
    """As printed."""

    messages: Annotated[list[Any], operator.add]
    draft: str
    approved: bool


def _send(state: AgentState) -> dict[str, Any]:
    EFFECTS.append(f"Sending: {state['draft']}")
    return {"messages": [{"role": "system", "content": "Email sent."}]}


_email = StateGraph(AgentState)
_email.add_node("draft", lambda state: {"draft": "Dear client, I'm writing to confirm"})
_email.add_node("send", _send)
_email.add_edge("draft", "send")
_email.add_edge("send", END)
_email.set_entry_point("draft")
email_checkpoint = _email.compile(interrupt_before=["send"])


# Document 003: the tutorial, whose tool node is a function.
tutorial = _with_tools(_wanted, tools=by_hand).compile(interrupt_before=["tools"])
before_and_after = _with_tools(_wanted, tools=by_hand).compile(interrupt_before=["tools"], interrupt_after=["agent"])
selective = _with_tools(_sorted, sensitive_tools=by_hand, safe_tools=by_hand).compile(
    interrupt_before=["sensitive_tools"]
)


class State(TypedDict):
    """As printed."""

    messages: Annotated[list[AnyMessage], add_messages]


def _dynamic(state: State) -> dict[str, Any]:
    outputs = []
    for call in state["messages"][-1].tool_calls:
        if call["name"] in DANGEROUS:
            message = f"Approve {call['name']} with args {call['args']}?"
            answer = interrupt({"action": call["name"], "args": call["args"], "message": message})
            if answer.get("approved") != True:  # noqa: E712 - as printed
                content = "Action rejected by user"
                outputs.append(ToolMessage(content=content, name=call["name"], tool_call_id=call["id"]))
                continue
        result = BY_NAME[call["name"]].invoke(call["args"])
        outputs.append(ToolMessage(content=json.dumps(result), name=call["name"], tool_call_id=call["id"]))
    return {"messages": outputs}


dynamic = _with_tools(_wanted, tools=_dynamic).compile()
