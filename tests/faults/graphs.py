"""A graph whose one tool has an effect outside of every database: it appends a line to a file.

The file counts what really happened. What goes wrong in the tool is one of its arguments, so people see it too.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ToolException, tool

from agents import ledger
from approvals import failpoints
from approvals.failpoints import Point

#: The file that counts effects, and what is armed from the effect on.
EFFECTS = "FAULTS_EFFECTS"
THEN = "FAULTS_THEN"


class Caller(BaseChatModel):
    """Calls the tool with what it was asked, once; then it is done."""

    @property
    def _llm_type(self) -> str:
        return "caller"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """It knows the one tool."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answered = isinstance(messages[-1], ToolMessage)
        call = {"name": "pay", "args": {} if answered else json.loads(messages[-1].text), "id": "call-pay"}
        said = AIMessage("Done.") if answered else AIMessage("I pay.", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=said)])


class HTTPStatusError(Exception):
    """As HTTP clients raise it."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"the bank said {status_code}")
        self.status_code = status_code


@tool
def pay(amount: int, to: str, mode: str, config: RunnableConfig) -> Any:
    """Pay somebody, outside of every database."""
    if mode in {"refuse", "refuse_connection"}:
        raise {"refuse": HTTPStatusError(422), "refuse_connection": ConnectionRefusedError()}[mode]
    if mode == "decline":
        raise ToolException("the bank declines")
    _happen(config, amount=amount, to=to)
    if os.environ.get(THEN):
        failpoints.arm(os.environ[THEN], log=os.environ[failpoints.LOG])
    failpoints.reach(Point.DURING_EFFECT)
    return _end(mode)


def _happen(config: RunnableConfig, **args: Any) -> None:
    thread = config["configurable"]["thread_id"]
    line = {"thread": thread, "key": ledger.idempotency_key(), "pid": os.getpid(), "at": time.time(), "args": args}
    file = os.open(os.environ[EFFECTS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{json.dumps(line)}\n".encode())
    os.close(file)


def _end(mode: str) -> Any:
    """What becomes of the call once the money has moved."""
    if mode in RAISED:
        raise RAISED[mode]
    if mode in SLEEPS:
        # libfaketime refuses some of Python's own sleeps once a machine has been up for hours (EINVAL).
        threading.Event().wait(SLEEPS[mode])
    return {"huge": "x" * 5_000_000, "unserialisable": object()}.get(mode, "paid")


SLEEPS = {"slow": 1.0, "long": 12.0, "hang": 600.0}
RAISED: dict[str, Exception] = {
    "timeout": TimeoutError("no answer"),
    "reset": ConnectionResetError("reset by peer"),
    "5xx": HTTPStatusError(502),
    "garbage": ValueError("the bank's answer makes no sense"),
}


#: Shorter than people have, so that a call that hangs is given up within the time of a test.
pay.metadata = {"deadline_seconds": 40}

graph = create_agent(
    Caller(),
    tools=[pay],
    middleware=[HumanInTheLoopMiddleware(interrupt_on={"pay": True}, interrupt_mode="per_call")],
    name="faults",
)
