"""What a graph is told, in words, when a person said nothing or nobody did."""

from __future__ import annotations

from approvals.contract import Answer

TIMED_OUT = "This was not run: it timed out. Nobody decided before the deadline."
REJECTED = "A reviewer rejected this action. It was not run. Do not try it again unless you are asked to."


def refusal(answer: Answer) -> str:
    """The reviewer's words or ours; a deadline is never passed off as a person."""
    if answer.timed_out:
        return answer.message if "timed out" in answer.message.lower() else TIMED_OUT
    return answer.message or REJECTED
