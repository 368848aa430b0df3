"""What an exception says about an action that was under way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import django.db
import psycopg
from langchain_core.tools import ToolException

from agents.errors import AgentError, BadAnswer, BadInput, StateNotSerialisable
from approvals.errors import InvalidArguments
from approvals.states import Execution

#: The statuses of the 4xx that say that somebody stopped waiting, not that the request was refused.
GAVE_UP = (408, 499)
#: What HTTP clients call an exchange that began and did not end.
BROKEN_OFF = re.compile("Timeout|Read|Write|Protocol|Disconnect|Reset|Abort|Incomplete")


def verdict(error: BaseException) -> Execution:
    """Failed only where it is proven that nothing happened: whatever else is raised may come after the payment."""
    raised = list(_chain(error))
    # What was raised while another error was being handled is not proven by that one: there may be a second bank.
    proven = any(_was_refused(e) for e in _chain(error, said_only=True)) and not any(_leaves_doubt(e) for e in raised)
    return Execution.FAILED if proven else Execution.UNKNOWN


def sentence(error: BaseException) -> str:
    """What a node raised, for people; our own errors are sentences already."""
    if isinstance(error, AgentError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


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
