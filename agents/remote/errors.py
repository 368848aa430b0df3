"""What an agent elsewhere may be told.

CountersignError
├── Refused            the server said no; `code` says why
├── Unusable           what this client was given cannot be sent; nothing was (a ValueError too)
├── Unreachable        the server was away for longer than the client's patience
├── StillWaiting       nobody has decided in time (a TimeoutError too)
├── NotApproved        the action must not run
│   ├── Rejected       a person said no
│   ├── Expired        nobody decided before the deadline
│   ├── Answered       a person answered in words instead
│   └── Withdrawn      the ticket was closed without an answer
├── InDoubt            somebody set about the action, and nobody knows what became of it
└── AlreadyFailed      the action was tried before, and it is known that it did not happen
"""

from __future__ import annotations

from typing import Any


class CountersignError(Exception):
    """Whatever this package raises."""


class Refused(CountersignError):
    """The server refused the request."""

    def __init__(self, *, status: int, code: str, detail: str, facts: dict[str, Any]) -> None:
        """`facts` is the whole problem, as it was sent."""
        self.status, self.code, self.detail, self.facts = status, code, detail, facts
        super().__init__(f"{detail} ({code})")


class Unusable(CountersignError, ValueError):
    """An address, a token or a key that no request can carry. It never repeats what that was."""


class Unreachable(CountersignError):
    """Countersign could not be reached."""


class StillWaiting(CountersignError, TimeoutError):
    """Nobody has decided yet; wait again for as long as you like."""


class NotApproved(CountersignError):
    """The action was not approved."""

    def __init__(self, ticket: dict[str, Any]) -> None:
        """`ticket` as the server told it."""
        self.ticket = ticket
        self.message = ticket.get("message") or ""
        said = f": {self.message}" if self.message else "."
        super().__init__(f"Ticket {ticket['id']} ({ticket['action']}) is {ticket['state']}{said}")


class Rejected(NotApproved):
    """A person said no."""


class Expired(NotApproved):
    """Nobody decided before the deadline; no person rejected it."""


class Answered(NotApproved):
    """A person answered in words instead of approving; `message` has them."""


class Withdrawn(NotApproved):
    """The ticket was closed without an answer."""


class InDoubt(CountersignError):
    """Somebody set about this action, and nobody knows whether it happened: it is not run again."""


class AlreadyFailed(CountersignError):
    """This action was tried before and did not happen."""
