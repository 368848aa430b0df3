"""`@require_approval`: a function that runs once people have approved the very call, and once only.

What it needs of the server is in `steps`; here is what happens around the function itself. A result is what JSON can
carry of it: who calls again, after a crash, gets that and not a second run.
"""

from __future__ import annotations

import functools
import inspect
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import calls, results, steps
from .calls import BoundCall
from .connections import Connection
from .steps import Act, Approved, Done, Facts, Steps

F = TypeVar("F", bound=Callable[..., Any])
logger = logging.getLogger(__name__)

#: How long another process that was given the answer may take to say what became of it.
GRACE = 60.0
#: After these it is known that nothing happened; after anything else nobody knows.
HARMLESS: tuple[type[BaseException], ...] = (ConnectionRefusedError,)


def require_approval(
    *,
    action: str = "",
    client: Connection | None = None,
    timeout: float | None = None,
    grace: float = GRACE,
    idempotency_key: str = "",
    harmless: tuple[type[BaseException], ...] = HARMLESS,
    **fields: Any,
) -> Callable[[F], F]:
    """Ask before each call of the function, wait, apply an edit, run it once, say what became of it.

    The same call is the same ticket, so that a process that crashed goes on where it was; `idempotency_key` tells calls
    apart that mean different things. `harmless`: exceptions that prove that nothing happened. `fields` go into the
    ticket: reasoning, confidence … Raises what `errors` has: Rejected, Expired, InDoubt …
    """

    def guarded(function: F) -> F:
        around: F = Guard(
            function=function,
            action=action or function.__name__,
            connection=client or Connection(),
            timeout=timeout,
            grace=grace,
            prefix=idempotency_key,
            harmless=harmless,
            fields=fields,
        ).around()
        return around

    return guarded


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What stands before one function."""

    function: Callable[..., Any]
    action: str
    connection: Connection
    timeout: float | None
    grace: float
    prefix: str
    harmless: tuple[type[BaseException], ...]
    fields: Facts

    def around(self) -> Any:
        """The function, guarded; of the same colour."""

        @functools.wraps(self.function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return self.connection.run(self._steps(calls.bind(self.function, args, kwargs)))

        @functools.wraps(self.function)
        async def guarded_async(*args: Any, **kwargs: Any) -> Any:
            return await self.connection.run_async(self._steps(calls.bind(self.function, args, kwargs)))

        return guarded_async if inspect.iscoroutinefunction(self.function) else guarded

    def _steps(self, call: BoundCall) -> Steps[Any]:
        verdict = yield from self._permitted(call)
        if isinstance(verdict, Done):
            return verdict.result
        try:
            result = yield Act(call=functools.partial(call.made, verdict.ticket["args"]))
        except BaseException as error:
            yield from _whatever(self._raised(verdict, error))
            raise
        yield from _whatever(self._returned(verdict, result))
        return result

    def _permitted(self, call: BoundCall) -> Steps[Approved | Done]:
        patience = self.connection.patience
        key = calls.key_of(self.action, call, prefix=self.prefix)
        ticket = yield from steps.asked(self._body(call), key=key, patience=patience)
        # A name that no other process has, this one's next life included.
        name = uuid.uuid4().hex
        return (
            yield from steps.permitted(ticket, name=name, timeout=self.timeout, grace=self.grace, patience=patience)
        )

    def _body(self, call: BoundCall) -> Facts:
        told = {
            "action": self.action,
            "args": call.args,
            "args_schema": calls.schema_of(self.function),
            "description": inspect.getdoc(self.function) or "",
            "allowed_decisions": ["approve", "edit", "reject"],
        }
        return told | self.fields

    def _returned(self, verdict: Approved, result: Any) -> Steps[None]:
        ticket_id, patience = verdict.ticket["id"], self.connection.patience
        return steps.reported(ticket_id, state="succeeded", result=result, patience=patience)

    def _raised(self, verdict: Approved, error: BaseException) -> Steps[None]:
        state = "failed" if isinstance(error, self.harmless) else "unknown"
        said = f"{type(error).__name__}: {results.words(error)}"
        return steps.reported(verdict.ticket["id"], state=state, error=said, patience=self.connection.patience)


def _whatever(report: Steps[None]) -> Steps[None]:
    """The function ran: whatever goes wrong with saying so must not look as if it had not."""
    try:
        yield from report
    except Exception:
        logger.exception("Countersign could not be told what became of an action")
