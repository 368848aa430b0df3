"""Countersign for any client of the Model Context Protocol: ask people, hear what they decided, say what came of it.

It speaks to the API over a token that asks, as every other agent elsewhere does: whoever asks never decides. Over
stdio the token is this process's own; over HTTP each client sends its own, so that nobody asks in another's name.

    COUNTERSIGN_TOKEN=cs_… manage.py mcp

Needs the extra `mcp`.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from . import steps
from .client import AsyncCountersign
from .credentials import bearer
from .errors import CountersignError, Refused, StillWaiting

P = ParamSpec("P")
T = TypeVar("T")

INSTRUCTIONS = (
    "Before you do anything that cannot be undone, ask people with request_approval, then call get_decision until it "
    "says that the ticket is decided. Act only where may_act is true, exactly with the args it gives, and once; then "
    "call report_outcome. Where may_act is false, do not act."
)
#: A client that waits longer than this for one call gives up by itself.
LONGEST_WAIT = 50
#: The server may be away this long within one call.
PATIENCE = 20.0


def told(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Say why Countersign refused: of any other error a client hears only that there was one."""

    @functools.wraps(tool)
    async def telling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except CountersignError as error:
            raise ToolError(str(error)) from error

    return telling


class Tools:
    """What a client of the protocol may call. Without a token each client has to send one of its own, over HTTP."""

    def __init__(self, *, base_url: str, token: str) -> None:
        AsyncCountersign(base_url, token)  # what cannot be used is refused before anybody calls
        self._base_url, self._token = base_url, token

    @told
    async def request_approval(
        self,
        context: Context,
        action: Annotated[str, Field(description="The name of the action, such as transfer_money.")],
        args: Annotated[dict[str, Any], Field(description="Exactly the arguments it is to run with.")],
        description: Annotated[str, Field(description="What it does, in a sentence for people.")] = "",
        reasoning: Annotated[str, Field(description="Why you want to do it.")] = "",
        idempotency_key: Annotated[str, Field(description="The same key is the same ticket.")] = "",
    ) -> dict[str, Any]:
        """Ask people whether an action may run. Returns at once; get_decision says what they decided."""
        fields = {"description": description, "reasoning": reasoning}
        said = {name: value for name, value in fields.items() if value}
        ticket = await self._client(context).request(action, args, idempotency_key=idempotency_key, **said)
        return {"ticket": ticket.id, "url": ticket.url, "state": ticket.state, "deadline_at": ticket.deadline_at}

    @told
    async def get_decision(
        self,
        context: Context,
        ticket: Annotated[int, Field(ge=1, description="The ticket that request_approval returned.")],
        wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT, description="How long to wait for people.")] = 30,
    ) -> dict[str, Any]:
        """What people decided. Says may_act once: whoever is told so acts, with these args, and nobody else does."""
        countersign = self._client(context)
        found = await countersign.ticket(ticket)
        if found.state == "pending" and wait_seconds:
            try:
                found = await found.wait(timeout=wait_seconds)
            except StillWaiting:
                found = await countersign.ticket(ticket)
        facts, may_act, why = await _taken(countersign, found.facts)
        return {
            "ticket": facts["id"],
            "url": facts["url"],
            "state": facts["state"],
            "decided": facts["state"] != "pending",
            "may_act": may_act,
            "action": facts["action"],
            "args": facts["args"] if may_act else None,
            "message": why or _message(facts),
        }

    @told
    async def report_outcome(
        self,
        context: Context,
        ticket: Annotated[int, Field(ge=1, description="The ticket of the action.")],
        state: Annotated[
            Literal["succeeded", "failed", "unknown"], Field(description="unknown: it may have happened.")
        ],
        result: Annotated[str, Field(description="What came of it.")] = "",
        error: Annotated[str, Field(description="What went wrong.")] = "",
    ) -> dict[str, Any]:
        """Say what became of the action, once."""
        said = steps.reported(ticket, state=state, result=result or None, error=error, patience=PATIENCE)
        await self._client(context).run_async(said)
        return {"ticket": ticket, "state": state}

    def _client(self, context: Context) -> AsyncCountersign:
        sent = bearer(context.headers or {})
        if not (self._token or sent):
            raise ToolError("Send a token that asks, as “Authorization: Bearer cs_…”.")
        return AsyncCountersign(self._base_url, self._token or sent, patience=PATIENCE)


class Server(MCPServer):
    """The official one, which says of arguments that do not fit what is wrong with which."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context | None = None) -> Any:
        """Call a tool. Raises ToolError."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(_complaints(error.__cause__)) from error
            raise


def server(*, base_url: str = "", token: str = "") -> MCPServer:
    """A server with its tools, for stdio or HTTP."""
    mcp = Server("countersign", title="Countersign", instructions=INSTRUCTIONS, log_level="WARNING")
    tools = Tools(base_url=base_url, token=token)
    for tool in (tools.request_approval, tools.get_decision, tools.report_outcome):
        mcp.add_tool(tool)
    return mcp


async def _taken(countersign: AsyncCountersign, ticket: dict[str, Any]) -> tuple[dict[str, Any], bool, str]:
    """Take the answer, under a name that comes once: a second call is told that it was given.

    What was taken is what counts: since the ticket was read it may have been taken back, edited and approved again.
    """
    if ticket["state"] != "approved":
        return ticket, False, ""
    call = steps.Call(method="POST", path=f"tickets/{ticket['id']}/claim", body={"claim": f"mcp-{uuid.uuid4().hex}"})
    try:
        return await countersign.run_async(steps.sent(call, patience=PATIENCE)), True, ""
    except Refused as refusal:
        if refusal.code not in {"already_claimed", "not_released"}:
            raise
        return ticket, False, refusal.detail


def _complaints(error: ValidationError) -> str:
    """One sentence for each argument that is missing or does not fit; never its value."""
    said = []
    for fault in error.errors(include_url=False, include_input=False):
        wrong = "is missing" if fault["type"] == "missing" else f"does not fit: {fault['msg']}"
        said.append(f"“{'.'.join(map(str, fault['loc']))}” {wrong}.")
    return " ".join(said)


def _message(ticket: dict[str, Any]) -> str:
    return str(next((said["message"] for said in reversed(ticket["decisions"]) if said["message"]), ""))
