"""The Python client: ask people, wait for them, run a function only when they have approved it.

    countersign = Countersign("https://approvals.example.com", token)

    @require_approval(action="transfer_money", client=countersign)
    def transfer(amount: float, to: str) -> str: ...

Needs httpx and nothing else; the server may restart meanwhile, and so may this process.
"""

from __future__ import annotations

import uuid
from typing import Any

from . import steps
from .connections import Connection
from .errors import (
    AlreadyFailed,
    Answered,
    CountersignError,
    Expired,
    InDoubt,
    NotApproved,
    Refused,
    Rejected,
    StillWaiting,
    Unreachable,
    Unusable,
    Withdrawn,
)
from .guards import require_approval

__all__ = [
    "AlreadyFailed",
    "Answered",
    "AsyncCountersign",
    "AsyncTicket",
    "Countersign",
    "CountersignError",
    "Expired",
    "InDoubt",
    "NotApproved",
    "Refused",
    "Rejected",
    "StillWaiting",
    "Ticket",
    "Unreachable",
    "Unusable",
    "Withdrawn",
    "require_approval",
]


class _Ticket:
    """What the server told of a ticket, by name: `ticket.state`, `ticket.args`, `ticket.effect` …"""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        return f"<Ticket {self.facts['id']}: {self.facts['action']}, {self.facts['state']}>"


class Ticket(_Ticket):
    """A ticket of `Countersign`."""

    def __init__(self, facts: dict[str, Any], *, client: Countersign) -> None:
        super().__init__(facts)
        self._client = client

    def wait(self, timeout: float | None = None) -> Ticket:
        """Wait until people have decided, then be what they made of it. Raises StillWaiting after `timeout` seconds."""
        self.facts = self._client.run(steps.decided(self.facts, timeout=timeout, patience=self._client.patience))
        return self


class AsyncTicket(_Ticket):
    """A ticket of `AsyncCountersign`."""

    def __init__(self, facts: dict[str, Any], *, client: AsyncCountersign) -> None:
        super().__init__(facts)
        self._client = client

    async def wait(self, timeout: float | None = None) -> AsyncTicket:
        """As `Ticket.wait`."""
        found = steps.decided(self.facts, timeout=timeout, patience=self._client.patience)
        self.facts = await self._client.run_async(found)
        return self


class Countersign(Connection):
    """For code without an event loop."""

    def request(self, action: str, args: dict[str, Any], *, idempotency_key: str = "", **fields: Any) -> Ticket:
        """Ask people. `fields` are those of POST tickets: description, reasoning, args_schema, confidence …

        With the same key it is the same ticket, also after a crash of this process.
        """
        return Ticket(self.run(_asked(self, {"action": action, "args": args, **fields}, idempotency_key)), client=self)

    def ticket(self, ticket_id: int) -> Ticket:
        """A ticket as it is now."""
        return Ticket(self.run(steps.seen(ticket_id, patience=self.patience)), client=self)


class AsyncCountersign(Connection):
    """For code with an event loop."""

    async def request(
        self, action: str, args: dict[str, Any], *, idempotency_key: str = "", **fields: Any
    ) -> AsyncTicket:
        """As `Countersign.request`."""
        work = _asked(self, {"action": action, "args": args, **fields}, idempotency_key)
        return AsyncTicket(await self.run_async(work), client=self)

    async def ticket(self, ticket_id: int) -> AsyncTicket:
        """A ticket as it is now."""
        return AsyncTicket(await self.run_async(steps.seen(ticket_id, patience=self.patience)), client=self)


def _asked(client: Connection, body: dict[str, Any], key: str) -> steps.Steps[dict[str, Any]]:
    return steps.asked(body, key=key or uuid.uuid4().hex, patience=client.patience)
