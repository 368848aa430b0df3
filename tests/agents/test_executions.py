"""What an exception says about an approved action: that it failed is believed only where that is proven."""

from __future__ import annotations

import httpx
import pytest
from langchain_core.tools import ToolException

from agents import runner, wishes
from agents.errors import BadAnswer, InDoubt
from approvals.models import Ticket
from tests.agents.broken_graphs import TROUBLE
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)


def refused(status):
    """What httpx raises for an answer with this status."""
    request = httpx.Request("POST", "http://bank.example")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status))


def because(error, cause):
    """`raise error from cause`."""
    error.__cause__ = cause
    return error


def while_handling(error, other):
    """An error that is raised in an `except` block."""
    error.__context__ = other
    return error


IN_DOUBT = {
    "the connection broke": httpx.ReadError("reset"),
    "the server hung up": httpx.RemoteProtocolError("disconnected"),
    "an IOError of requests": OSError("Connection aborted."),
    "the answer could not be read": ValueError("could not parse the bank's answer"),
    "a bad gateway": refused(502),
    "the server stopped waiting": refused(408),
    "a tool that gave up": because(ToolException("the bank said nothing"), httpx.ReadTimeout("")),
    "a second bank": while_handling(ValueError("no answer"), ConnectionRefusedError()),
    "a timeout before it": while_handling(ToolException("no"), TimeoutError()),
}
PROVEN = {
    "nobody listened": ConnectionRefusedError("refused"),
    "nobody listened, says httpx": because(httpx.ConnectError("no"), because(OSError("no"), ConnectionRefusedError())),
    "the bank refused": refused(422),
    "the tool refused": ToolException("the account is closed"),
    "the answer did not fit": BadAnswer(why="no"),
}


@pytest.fixture
def raised(start, resume, alice):
    """Approve a payment whose node raises this; the ticket."""

    def raised(error):
        TROUBLE.append(error)
        start("pays_then_fails")
        resume(decide(Ticket.objects.get(about=None), alice))
        return Ticket.objects.get(about=None)

    return raised


@pytest.mark.parametrize("name", IN_DOUBT)
def test_what_may_have_come_after_the_payment_is_unknown(raised, name):
    assert raised(IN_DOUBT[name]).execution == "unknown"


@pytest.mark.parametrize("name", PROVEN)
def test_what_was_refused_has_failed(raised, name):
    assert raised(PROVEN[name]).execution == "failed"


def test_nothing_is_paid_twice_under_one_approval(raised, dave):
    ticket = raised(ValueError("could not parse the bank's answer"))
    with pytest.raises(InDoubt, match=r"not run again\. People are asked"):
        wishes.request_retry(ticket.thread_id, actor=dave)
    runner.drive_sync(ticket.thread_id)
    assert EFFECTS == ["paid"]


class TestTwoQuestionsOfOneNode:
    @pytest.fixture
    def asked_again(self, start, resume, alice):
        """The first question is approved, and the node has asked its second."""
        run = start("asks_twice")
        assert resume(decide(Ticket.objects.get(about=None), alice)).status == "paused"
        return run

    def executions(self):
        return [ticket.execution for ticket in Ticket.objects.filter(about=None).order_by("id")]

    def test_what_was_approved_first_is_under_way(self, asked_again):
        assert (self.executions(), EFFECTS) == (["started", "not_started"], [])

    def test_it_is_done_when_the_node_is(self, asked_again, resume, alice):
        run = resume(decide(Ticket.objects.pending().filter(about=None).get(), alice))
        assert (run.status, EFFECTS) == ("succeeded", ["paid 5"])
        assert self.executions() == ["succeeded", "succeeded"]

    def test_what_the_node_raises_then_leaves_both_in_doubt(self, asked_again, resume, alice):
        TROUBLE.append(ValueError("no answer"))
        assert resume(decide(Ticket.objects.pending().filter(about=None).get(), alice)).status == "failed"
        assert self.executions() == ["unknown", "unknown"]

    def test_a_cancelled_node_may_have_acted(self, asked_again, dave):
        wishes.request_cancel(asked_again.thread_id, actor=dave)
        assert self.executions()[0] == "unknown"


def test_what_an_earlier_step_did_is_no_longer_in_doubt_when_a_later_one_raises(start, resume, alice):
    TROUBLE.append(ValueError("later"))
    start("acts_then_fails")
    assert resume(decide(Ticket.objects.get(about=None), alice)).status == "failed"
    assert Ticket.objects.get(about=None).execution == "succeeded"
