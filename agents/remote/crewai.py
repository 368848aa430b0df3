"""Approval in CrewAI: a tool that asks before it runs, and a callback that asks before the output of a task is used.

    agent = Agent(…, tools=[crewai.guarded(send_email, client=countersign)])
    task = Task(…, callback=crewai.task_callback(client=countersign))

Needs `crewai` (`countersign-client[crewai]`). The same call, and the same output, is the same ticket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crewai.tasks.task_output import TaskOutput
from crewai.tools import BaseTool
from crewai.tools.base_tool import Tool

from .client import Countersign
from .errors import AlreadyFailed, InDoubt, NotApproved
from .guards import require_approval


def guarded(tool: BaseTool, *, client: Countersign, action: str = "", **fields: Any) -> BaseTool:
    """The tool, run once people have approved the very call; where it must not run the agent reads why.

    `fields` go into the ticket: reasoning, confidence … `idempotency_key` tells alike calls apart, `timeout` is in
    seconds; after it StillWaiting is raised.
    """
    known = {"args_schema": tool.args_schema.model_json_schema(), "description": tool.description}
    asking = require_approval(action=action or tool.name, client=client, **(known | fields))

    @asking
    def run(**args: Any) -> Any:
        return tool.run(**args)

    def call(**args: Any) -> Any:
        try:
            return run(**args)
        except (NotApproved, InDoubt, AlreadyFailed) as refusal:
            return str(refusal)

    return Tool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.args_schema,
        func=call,
        result_as_answer=tool.result_as_answer,
        cache_function=_never,
    )


def task_callback(*, client: Countersign, action: str = "use_output", **fields: Any) -> Callable[[TaskOutput], None]:
    """For `Task(callback=…)`: people approve the output, change it, or reject it. Raises NotApproved: the crew ends.

    An output that was parsed into a model or JSON can be approved or rejected only.
    """

    def ask(output: TaskOutput) -> None:
        is_text = output.pydantic is None and output.json_dict is None
        known = {
            "description": output.description,
            "allowed_decisions": ["approve", "edit", "reject"] if is_text else ["approve", "reject"],
        }
        output.raw = require_approval(action=action, client=client, **(known | fields))(_used)(output=output.raw)

    return ask


def _used(output: str) -> str:
    return output


def _never(*_: Any) -> bool:
    """Whether CrewAI may give a result again without asking."""
    return False
