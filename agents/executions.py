"""What became of an action once its graph had the approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import django.db
import psycopg

from agents import transcripts
from agents.errors import AgentError, StateNotSerialisable
from agents.snapshots import Seen
from approvals import tickets
from approvals.models import Ticket
from approvals.states import Execution, TicketState


def record(delivered: Iterable[Ticket], seen: Seen, *, key: str = "") -> None:
    """The graph went on: what each approved action came to. `key` is the state's that holds a result, if any."""
    for ticket in _running(delivered):
        if not _record_result(ticket, seen):
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result=_value(seen, key))


def record_raised(delivered: Iterable[Ticket], seen: Seen, *, error: BaseException) -> None:
    """The graph raised. A tool that had answered before has succeeded; of the others, only what is known."""
    for ticket in delivered:
        acted = ticket.execution == Execution.STARTED or _acts_on_words(ticket)
        if acted and not _record_result(ticket, seen):
            tickets.record_execution(ticket.pk, execution=_known(error), error=sentence(error))


def record_known(thread_id: str, seen: Seen) -> None:
    """What the tools have answered although the worker is gone that let them loose."""
    for ticket in Ticket.objects.filter(thread_id=thread_id, execution=Execution.STARTED):
        _record_result(ticket, seen)


def sentence(error: BaseException) -> str:
    """What a node raised, for people; our own errors are sentences already."""
    if isinstance(error, AgentError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _record_result(ticket: Ticket, seen: Seen) -> bool:
    """The tool's own word, where there is one."""
    result = seen.result_of(ticket.tool_call_id)
    if result is None:
        return False
    text = str(result.text)
    if result.status == "error":
        tickets.record_execution(ticket.pk, execution=Execution.FAILED, error=text)
    else:
        tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result=text)
    return True


def _value(seen: Seen, key: str) -> Any:
    return transcripts.plain(seen.values.get(key)) if key and isinstance(seen.values, Mapping) else None


def _running(delivered: Iterable[Ticket]) -> list[Ticket]:
    return [ticket for ticket in delivered if ticket.execution == Execution.STARTED]


def _acts_on_words(ticket: Ticket) -> bool:
    return ticket.state == TicketState.ANSWERED and ticket.answer_releases


def _known(error: BaseException) -> Execution:
    """Failed only where nothing can have happened: a timeout or a broken connection leaves doubt."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and len(chain) < 10:
        chain.append(cause)
    return Execution.UNKNOWN if any(_leaves_doubt(e) for e in chain) else Execution.FAILED


def _leaves_doubt(error: BaseException) -> bool:
    if isinstance(error, ConnectionRefusedError):
        return False
    status = getattr(error, "status_code", None)
    # A database error may be the saver's, after the tool had done its work; what cannot be stored surely is.
    broken = isinstance(error, TimeoutError | ConnectionError | StateNotSerialisable | django.db.Error | psycopg.Error)
    return broken or "Timeout" in type(error).__name__ or (isinstance(status, int) and status >= 500)
