"""Everything the runtime can refuse.

AgentError
├── UnknownGraph           404  unknown_graph
├── BrokenGraph            422  broken_graph
├── ModelRefused           422  model_refused
├── BadRegistry            422  bad_registry
├── BadTool                422  bad_tool
├── UnknownThread          404  unknown_thread
├── BadThreadId            422  bad_thread_id
├── ThreadOfAnotherGraph   409  thread_of_another_graph
├── ThreadOfAnotherPerson  409  thread_of_another_person
├── NotPaused              409  not_paused
├── NotYours               403  not_yours
├── WrongStatus            409  wrong_status
├── InDoubt                409  in_doubt
│   └── WouldRepeat        409  in_doubt
├── NotApproved            409  not_approved
├── AnswerWaits            409  answer_waits
├── NotRun                 409  not_run
├── NotAuthorised          409  not_authorised
├── TooEarly               409  too_early
├── StaleInterrupt         409  stale_interrupt
├── LeaseHeld              409  lease_held
├── LeaseLost              409  lease_lost
├── NoFence                500  no_fence
├── RunCancelled           409  run_cancelled
├── RunErased              409  run_erased
├── GaveUp                 503  gave_up
├── Stuck                  503  stuck
├── DatabaseAway           503  database_away
├── BadInput               422  bad_input
├── TakesNoMessage         422  takes_no_message
├── BadInterrupt           422  bad_interrupt
├── BadAnswer              422  bad_answer
├── StateNotSerialisable   422  state_not_serialisable
└── InsecureSerialiser     500  insecure_serialiser
"""

from __future__ import annotations

from typing import Any, ClassVar


class AgentError(Exception):
    """The runtime refused this."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        """The docstring of the class is the sentence unless a better one is given."""
        self.facts = facts
        super().__init__(message or (self.__doc__ or "").split("\n")[0].format(**facts))


class UnknownGraph(AgentError):
    """There is no graph called “{name}”; the known graphs are {known}.{unread}"""

    code, status = "unknown_graph", 404


class BrokenGraph(AgentError):
    """The graph “{name}” cannot be loaded: {why}"""

    code, status = "broken_graph", 422


class ModelRefused(AgentError):
    """The run cannot use this model; found before anything is sent anywhere."""

    code, status = "model_refused", 422


class BadRegistry(AgentError):
    """The graph file {path} cannot be used: {why}"""

    code, status = "bad_registry", 422


class BadTool(AgentError):
    """The metadata of the tool “{name}” cannot be used: {why}."""

    code, status = "bad_tool", 422


class UnknownThread(AgentError):
    """There is no run with the thread id “{thread_id}”."""

    code, status = "unknown_thread", 404


class BadThreadId(AgentError):
    """A thread id has 1 to 128 letters, digits, dots, dashes, colons or underscores."""

    code, status = "bad_thread_id", 422


class ThreadOfAnotherPerson(AgentError):
    """The thread “{thread_id}” was started by somebody else; start a thread of your own."""

    code, status = "thread_of_another_person", 409


class ThreadOfAnotherGraph(AgentError):
    """The thread “{thread_id}” belongs to the graph “{graph}”."""

    code, status = "thread_of_another_graph", 409


class NotPaused(AgentError):
    """The run “{thread_id}” is not paused; it is {status}."""

    code, status = "not_paused", 409


class NotYours(AgentError):
    """Only the person who started this run, or an administrator, may do that."""

    code, status = "not_yours", 403


class WrongStatus(AgentError):
    """The run “{thread_id}” is {status}; that is possible only while it is {wanted}."""

    code, status = "wrong_status", 409


class InDoubt(AgentError):
    """It is not known whether “{action}” happened (ticket {ticket}), so it is not run again. {advice}"""

    code, status = "in_doubt", 409
    advice = (
        "People are asked whether it did. Where nobody is asked any more, see for yourself; then send the run a new "
        "message, or start another one, for what is left."
    )

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        """As any other, with what a person can do about it."""
        super().__init__(message, **facts, advice=self.advice)


class WouldRepeat(InDoubt):
    """“{action}” happened, as somebody found out (ticket {ticket}), and the run would do it again. {advice}"""

    advice = "Send the run a new message, or start another one, for what is left."


class NotApproved(AgentError):
    """The graph stops at {places} by itself, and nobody has approved that it goes on."""

    code, status = "not_approved", 409


class AnswerWaits(AgentError):
    """Somebody has decided on ticket {ticket} and the run has not been told; asking again would wipe that out."""

    code, status = "answer_waits", 409


class NotRun(AgentError):
    """Nothing was run: with this change the run would have gone to {places} instead. People are asked again."""

    code, status = "not_run", 409


class NotAuthorised(AgentError):
    """This was not run: nobody has approved exactly this call."""

    code, status = "not_authorised", 409


class TooEarly(AgentError):
    """“{action}” did not happen, as its provider says; what was sent may still arrive, so it is run again later."""

    code, status = "too_early", 409


class StaleInterrupt(AgentError):
    """The run no longer waits for this answer; {replaced_by}."""

    code, status = "stale_interrupt", 409


class LeaseHeld(AgentError):
    """Another worker is driving the run “{thread_id}” at this moment."""

    code, status = "lease_held", 409


class LeaseLost(AgentError):
    """This worker lost the run “{thread_id}” to another one, so its writes are refused."""

    code, status = "lease_lost", 409


class NoFence(AgentError):
    """The checkpoint tables do not refuse a worker that lost its run; `manage.py setup_checkpoints` mends that."""

    code, status = "no_fence", 500


class RunCancelled(AgentError):
    """The run “{thread_id}” was cancelled and never goes on; start another one."""

    code, status = "run_cancelled", 409


class RunErased(AgentError):
    """What the run “{thread_id}” said was erased, so it cannot go on; start another one."""

    code, status = "run_erased", 409


class GaveUp(AgentError):
    """{what} has failed for minutes, so this process ends for a new one to begin: {why}"""

    code, status = "gave_up", 503


class Stuck(AgentError):
    """A tool was given up and still holds a thread of this process, so it ends for a new one to begin."""

    code, status = "stuck", 503


class DatabaseAway(AgentError):
    """The database went away in the middle of a step; the run “{thread_id}” goes on when it is back."""

    code, status = "database_away", 503


class BadInput(AgentError):
    """The input cannot be used: {why}"""

    code, status = "bad_input", 422


class TakesNoMessage(AgentError):
    """The graph “{name}” takes no message; use --input."""

    code, status = "takes_no_message", 422


class BadInterrupt(AgentError):
    """The graph paused in the format “{name}”, and it is malformed: {why}."""

    code, status = "bad_interrupt", 422


class BadAnswer(AgentError):
    """The answer does not fit what the graph asked: {why}"""

    code, status = "bad_answer", 422


class StateNotSerialisable(AgentError):
    """The graph's state cannot be stored: {why}"""

    code, status = "state_not_serialisable", 422


class InsecureSerialiser(AgentError):
    """LangGraph was loaded without LANGGRAPH_STRICT_MSGPACK, so a forged checkpoint could run code."""

    code, status = "insecure_serialiser", 500
