"""What became of an action once its graph had the approval."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from agents import effects, evidence, transcripts
from agents.protocols import Pause
from agents.snapshots import BREAKPOINT, Seen
from approvals import tickets
from approvals.models import Ticket
from approvals.states import Execution, TicketState

#: What the model reads in place of a result when new input comes. It must not take what may be done for undone.
TRIED: dict[str, str] = {
    Execution.STARTED: "It is not known whether this was run. Do not run it again unless you are asked to.",
    Execution.UNKNOWN: "It is not known whether this was run. Do not run it again unless you are asked to. {error}",
    Execution.FAILED: "This failed. {error}",
}


def record(delivered: Sequence[Ticket], seen: Seen, *, pause: Pause | None = None) -> None:
    """The graph went on: what each approved action came to, these and those whose task ended with this step.

    A task that has asked its next question is not over: what was approved before stays started.
    """
    told = {ticket.pk for ticket in delivered}
    key = pause.ask.result if pause else ""
    for ticket in _started(delivered):
        mine = pause if ticket.pk in told else None
        if ticket.is_ledgered:
            if (_is_over(ticket, seen, mine) or _is_passed(ticket, told)) and not _may_come(ticket, seen):
                effects.pass_by(ticket.pk)
            continue
        asked = mine.times_asked(ticket.tool_call_id) if mine else 0
        if not _record_result(ticket, seen, asked=asked) and (_is_over(ticket, seen, mine) or _is_passed(ticket, told)):
            result = _value(seen, key) if ticket.pk in told else None
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result=result)


def record_raised(delivered: Sequence[Ticket], seen: Seen, *, error: BaseException) -> None:
    """The graph raised. What had come to its end before has succeeded; of the others, only what is known."""
    acting = {ticket.pk: ticket for ticket in [*_started(delivered), *filter(_acts_on_words, delivered)]}
    for ticket in acting.values():
        if ticket.is_ledgered:
            effects.record_raised(ticket.pk, error=evidence.sentence(error))
        elif _record_result(ticket, seen):
            continue
        elif _is_over(ticket, seen):
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED)
        else:
            known, said = evidence.verdict(error), evidence.sentence(error)
            tickets.record_execution(ticket.pk, execution=known, error=said, is_over=True)


def record_not_run(delivered: Iterable[Ticket], *, reason: str) -> None:
    """Nothing of the answer was run: its tickets are closed, and what waits now gets tickets of its own."""
    for ticket in delivered:
        if ticket.execution == Execution.STARTED:
            tickets.record_execution(ticket.pk, execution=Execution.FAILED, error=reason)
        effects.void(ticket.pk)
        tickets.take_back(ticket.pk, reason=reason)


def record_known(thread_id: str, seen: Seen) -> None:
    """What has come to its end although the worker is gone that let it loose."""
    for ticket in Ticket.objects.filter(thread_id=thread_id, execution=Execution.STARTED):
        if not _record_result(ticket, seen) and not ticket.is_ledgered and _is_over(ticket, seen):
            tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED)


def tried(thread_id: str) -> dict[str, str]:
    """What is known of calls that were let loose and may have no result; models use ids again, the last counts."""
    mine = Ticket.objects.filter(thread_id=thread_id).exclude(tool_call_id="").order_by("pk")
    newest = {ticket.tool_call_id: ticket for ticket in mine}
    return {call: TRIED[t.execution].format(error=t.error) for call, t in newest.items() if t.execution in TRIED}


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


def _may_come(ticket: Ticket, seen: Seen) -> bool:
    """The graph asks something else before it comes to its tools: the call that was approved still waits for them."""
    return bool(seen.pauses) and seen.is_waited_for(tool_call_id=ticket.tool_call_id, action=ticket.action)


def _is_passed(ticket: Ticket, told: Collection[int]) -> bool:
    """A breakpoint that was told to go on, by a graph that did."""
    return ticket.pk in told and ticket.interrupt_id.startswith(BREAKPOINT)


def _acts_on_words(ticket: Ticket) -> bool:
    return ticket.state == TicketState.ANSWERED and ticket.answer_releases
