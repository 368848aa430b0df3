"""An agent that asks when a task can be read in more than one way, and has a best guess if nobody answers."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool, ToolException
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt
from pydantic import Field

from agents.graphs._agent import MESSAGES_SCHEMA, reviewed_agent

MESSAGE_KEY = "messages"
INPUT_SCHEMA = MESSAGES_SCHEMA

#: What the registry entry answers with at the deadline; no text, so that nobody can type it.
TIMED_OUT = {"timed_out": True}


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The agent of `operations` with one tool more: a question to people, which is not a gate for an action."""
    return reviewed_agent(config, name="clarify", mode="per_call", ungated=[CLARIFY])


def clarify(
    question: Annotated[str, Field(title="Question", min_length=1, max_length=2000)],
    best_guess: Annotated[str, Field(title="Best guess", description="What you would assume.", max_length=2000)] = "",
) -> str:
    """Ask what is meant, when the task can be read in more than one way. The answer is the result."""
    answer = interrupt({"question": question, "best_guess": best_guess})
    if answer is True:
        return best_guess or "Yes."
    if answer == TIMED_OUT and best_guess:
        return f"{GUESSED} {best_guess}"
    if isinstance(answer, str):
        return answer
    raise ToolException(f'Nobody answered "{question}".')


#: Opens an answer that no person gave.
GUESSED = "Nobody answered in time, so this is your own best guess:"
CLARIFY = StructuredTool.from_function(
    clarify, handle_tool_error=True, metadata={"risk": "low", "title": "Say what is meant: {question}"}
)
