"""What became of an action once its graph had the approval."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import django.db
import psycopg
from langchain_core.tools import ToolException

from agents import transcripts
from agents.errors import AgentError, BadAnswer, BadInput, StateNotSerialisable
from agents.protocols import Pause
from agents.snapshots import BREAKPOINT, Seen
from approvals import tickets
from approvals.errors import InvalidArguments
from approvals.models import Ticket
from approvals.states import Execution, TicketState

#: What the model reads in place of a result when new input comes. It must not take what may be done for undone.
TRIED: dict[str, str] = {
    Execution.STARTED: "It is not known whether this was run. Do not run it again unless you are asked to.",
    Execution.UNKNOWN: "It is not known whether this was run. Do not run it again unless you are asked to. {error}",
    Execution.FAILED: "This failed. {error}",
}
#: The statuses of the 4xx that say that somebody stopped waiting, not that the request was refused.
GAVE_UP = (408, 499)
#: What HTTP clients call an exchange that began and did not end.
BROKEN_OFF = re.compile("Timeout|Read|Write|Protocol|Disconnect|Reset|Abort|Incomplete")


def record(delivered: Sequence[Ticket], seen: Seen, *, pause: Pause | None = None) -> None:
    """The graph went on: what each approved action came to, these and those whose task ended with this step.

    A task that has asked its next question is not over: what was approved before stays started.
    """
    told = {ticket.pk for ticket in delivered}
    key = pause.ask.result if pause else ""
    for ticket in _started(delivered):
        mine = pause if ticket.pk in told else None
        asked = mine.times_asked(ticket.tool_call_id) if mine else 0
        if not _record_result(ticket, seen, asked=asked) and (_is_over(ticket, seen, mine) or _is_passed(ticket, told)):
            result = _value(seen, key) if ticket.pk in told else None
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result=result)


def record_raised(delivered: Sequence[Ticket], seen: Seen, *, error: BaseException) -> None:
    """The graph raised. What had come to its end before has succeeded; of the others, only what is known."""
    acting = {ticket.pk: ticket for ticket in [*_started(delivered), *filter(_acts_on_words, delivered)]}
    for ticket in acting.values():
        if _record_result(ticket, seen):
            continue
        if _is_over(ticket, seen):
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED)
        else:
            tickets.record_execution(ticket.pk, execution=_known(error), error=sentence(error))


def record_not_run(delivered: Iterable[Ticket], *, reason: str) -> None:
    """Nothing of the answer was run: its tickets are closed, and what waits now gets tickets of its own."""
    for ticket in delivered:
        if ticket.execution == Execution.STARTED:
            tickets.record_execution(ticket.pk, execution=Execution.FAILED, error=reason)
        tickets.take_back(ticket.pk, reason=reason)


def record_known(thread_id: str, seen: Seen) -> None:
    """What has come to its end although the worker is gone that let it loose."""
    for ticket in Ticket.objects.filter(thread_id=thread_id, execution=Execution.STARTED):
        if not _record_result(ticket, seen) and _is_over(ticket, seen):
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED)


def tried(thread_id: str) -> dict[str, str]:
    """What is known of calls that were let loose and may have no result; models use ids again, the last counts."""
    mine = Ticket.objects.filter(thread_id=thread_id).exclude(tool_call_id="").order_by("pk")
    newest = {ticket.tool_call_id: ticket for ticket in mine}
    return {call: TRIED[t.execution].format(error=t.error) for call, t in newest.items() if t.execution in TRIED}


def sentence(error: BaseException) -> str:
    """What a node raised, for people; our own errors are sentences already."""
    if isinstance(error, AgentError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _record_result(ticket: Ticket, seen: Seen, *, asked: int = 0) -> bool:
    """The tool's own word, where there is one."""
    result = seen.result_of(ticket.tool_call_id, asked=asked)
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


def _started(delivered: Iterable[Ticket]) -> list[Ticket]:
    """All that is under way on the thread, not only what was told last."""
    threads = {ticket.thread_id for ticket in delivered}
    return list(Ticket.objects.filter(thread_id__in=threads, execution=Execution.STARTED)) if threads else []


def _is_over(ticket: Ticket, seen: Seen, pause: Pause | None = None) -> bool:
    task_id = pause.task_id if pause else ""
    return seen.is_past(interrupt_id=ticket.interrupt_id, checkpoint_id=ticket.checkpoint_id, task_id=task_id)


def _is_passed(ticket: Ticket, told: Collection[int]) -> bool:
    """A breakpoint that was told to go on, by a graph that did."""
    return ticket.pk in told and ticket.interrupt_id.startswith(BREAKPOINT)


def _acts_on_words(ticket: Ticket) -> bool:
    return ticket.state == TicketState.ANSWERED and ticket.answer_releases


def _known(error: BaseException) -> Execution:
    """Failed only where it is proven that nothing happened: whatever else is raised may come after the payment."""
    raised = list(_chain(error))
    # What was raised while another error was being handled is not proven by that one: there may be a second bank.
    proven = any(_was_refused(e) for e in _chain(error, said_only=True)) and not any(_leaves_doubt(e) for e in raised)
    return Execution.FAILED if proven else Execution.UNKNOWN


def _chain(error: BaseException, *, said_only: bool = False) -> Iterator[BaseException]:
    """The error and what led to it; `said_only` leaves out what was only being handled at the time."""
    following: BaseException | None = error
    for _ in range(20):
        if following is None:
            return
        yield following
        following = following.__cause__ or (None if said_only else following.__context__)


def _was_refused(error: BaseException) -> bool:
    """Did the other side say no, or did nothing get as far as the other side?"""
    status = _status(error)
    if status is not None:
        return 400 <= status < 500 and status not in GAVE_UP
    if isinstance(error, BaseExceptionGroup):  # one attempt for each address of a host
        return all(map(_was_refused, error.exceptions))
    return isinstance(error, ConnectionRefusedError | ToolException | BadAnswer | BadInput | InvalidArguments)


def _leaves_doubt(error: BaseException) -> bool:
    """Is this one known to come when the work may have been done already?"""
    status = _status(error)
    if status is not None:
        return not _was_refused(error)
    if isinstance(error, ConnectionRefusedError):
        return False
    # A database error may be the saver's, after the tool had done its work; what cannot be stored surely is.
    broken = isinstance(error, TimeoutError | ConnectionError | StateNotSerialisable | django.db.Error | psycopg.Error)
    return broken or bool(BROKEN_OFF.search(type(error).__name__))


def _status(error: BaseException) -> int | None:
    """The HTTP status, where the error carries one."""
    said = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return said if isinstance(said, int) else None
