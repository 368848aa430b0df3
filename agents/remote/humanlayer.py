"""Approval in programs that are written for HumanLayer: its function calls become tickets here.

    hl = HumanLayer(backend=humanlayer.Backend(countersign))

    @hl.require_approval()
    def send_email(to: str) -> str: ...

Needs `humanlayer`. Its wire format knows yes, no and a comment, so an edit is not offered, and where it is all the
same an edited call is not run; it never says what became of a call, so an approved one stays “started”.

Not covered: human contacts (`human_as_tool`), and `AsyncHumanLayer`, which takes backends of another kind.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from humanlayer.core.models import FunctionCall, FunctionCallStatus
from humanlayer.core.protocol import AgentBackend, AgentStore

from . import deferred
from .client import Countersign, Ticket
from .deferred import HeldCall

ALLOWED = ["approve", "reject"]


class FunctionCalls(AgentStore[FunctionCall, FunctionCallStatus]):
    """Function calls that people are asked about; asked for again, each says what they decided."""

    def __init__(self, client: Countersign, fields: dict[str, Any]) -> None:
        self._client, self._fields = client, fields
        self._asked: dict[str, tuple[FunctionCall, Ticket]] = {}

    def add(self, item: FunctionCall) -> FunctionCall:
        """Ask people."""
        told = {"allowed_decisions": ALLOWED} | self._fields
        ticket = deferred.ask(_held(item), client=self._client, **told)
        self._asked[item.call_id] = item, ticket
        item.status = FunctionCallStatus(requested_at=datetime.fromisoformat(ticket.opened_at))
        return item

    def get(self, call_id: str) -> FunctionCall:
        """The call, with what people said once they have. Raises KeyError where it was not asked about here."""
        item, ticket = self._asked[call_id]
        if item.status.approved is None:
            ticket = self._client.ticket(ticket.id)
            if ticket.state != "pending":
                verdict = deferred.settle(_held(item), ticket, client=self._client)
                item.status = _status(item.status, verdict)
        return item


class Backend(AgentBackend):
    """What `HumanLayer(backend=…)` takes. `fields` go into each ticket: reasoning, confidence …"""

    def __init__(self, client: Countersign, **fields: Any) -> None:
        self._functions = FunctionCalls(client, fields)

    def functions(self) -> FunctionCalls:
        """Where function calls wait."""
        return self._functions


def _held(item: FunctionCall) -> HeldCall:
    return HeldCall(
        framework="humanlayer", call_id=f"{item.run_id}/{item.call_id}", action=item.spec.fn, args=item.spec.kwargs
    )


def _status(asked: FunctionCallStatus, verdict: deferred.Allowed | deferred.Denied) -> FunctionCallStatus:
    is_allowed = isinstance(verdict, deferred.Allowed)
    comment = "" if isinstance(verdict, deferred.Allowed) else verdict.why
    return FunctionCallStatus(
        requested_at=asked.requested_at, responded_at=datetime.now(UTC), approved=is_allowed, comment=comment
    )
