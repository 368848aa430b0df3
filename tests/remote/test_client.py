"""A function elsewhere that runs only when people have approved it, and once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.remote.client import (
    Answered,
    AsyncCountersign,
    Expired,
    InDoubt,
    Rejected,
    StillWaiting,
    require_approval,
)
from approvals import deadlines
from approvals.models import Ticket
from tests import factories
from tests.remote.conftest import Asking, asked_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent() -> list[str]:
    """Where mail went."""
    return []


def sending(countersign: Any, sent: list[str], *, grace: float) -> Any:
    """Sends mail, once approved; of a call that somebody else took it waits this long for the outcome."""

    @require_approval(action="send_email", client=countersign, grace=grace)
    def send(to: str, subject: str = "Hi") -> dict[str, str]:
        """Send one mail."""
        sent.append(to)
        return {"receipt": f"{subject} to {to}"}

    return send


@pytest.fixture
def send(countersign: Any, sent: list[str]) -> Any:
    """Sends mail, once approved, and waits for whoever else does."""
    return sending(countersign, sent, grace=30)


def test_an_approved_call_runs_and_is_reported(send: Any, sent: list[str], alice: Any) -> None:
    asking = Asking(send, "bob")
    ticket = factories.decide(asked_for(), alice)
    assert asking.ended() == {"receipt": "Hi to bob"}
    ticket.refresh_from_db()
    assert (ticket.execution, ticket.result, sent) == ("succeeded", {"receipt": "Hi to bob"}, ["bob"])
    assert (ticket.description, ticket.args) == ("Send one mail.", {"to": "bob", "subject": "Hi"})


def test_an_edit_is_what_runs(send: Any, sent: list[str], alice: Any) -> None:
    asking = Asking(send, "bob")
    factories.decide(asked_for(), alice, "edit", args={"to": "erin", "subject": "Hello"})
    assert asking.ended() == {"receipt": "Hello to erin"}
    assert sent == ["erin"]


def test_a_rejected_call_does_not_run(send: Any, sent: list[str], alice: Any) -> None:
    asking = Asking(send, "bob")
    factories.decide(asked_for(), alice, "reject", message="Not him.")
    with pytest.raises(Rejected, match=r"Not him\."):
        asking.ended()
    assert sent == []


def test_a_call_that_nobody_decided_on_does_not_run(send: Any, sent: list[str]) -> None:
    asking = Asking(send, "bob")
    deadlines.expire(factories.overdue(asked_for()).pk)
    with pytest.raises(Expired):
        asking.ended()
    assert sent == []


def test_called_again_it_is_the_same_ticket_and_the_same_result(send: Any, sent: list[str], alice: Any) -> None:
    first = Asking(send, "bob")
    factories.decide(asked_for(), alice)
    assert first.ended() == send("bob")
    assert (Ticket.objects.count(), sent) == (1, ["bob"])


def test_two_at_once_run_it_once(send: Any, sent: list[str], alice: Any) -> None:
    both = [Asking(send, "bob") for _ in range(2)]
    factories.decide(asked_for(), alice)
    assert [asking.ended() for asking in both] == [{"receipt": "Hi to bob"}] * 2
    assert sent == ["bob"]


def test_what_raises_leaves_a_doubt_unless_it_proves_that_nothing_happened(countersign: Any, alice: Any) -> None:
    @require_approval(action="send_email", client=countersign)
    def send(error: str) -> None:
        raise {"timeout": TimeoutError, "refused": ConnectionRefusedError}[error]

    for number, (error, execution) in enumerate((("timeout", "unknown"), ("refused", "failed")), start=1):
        asking = Asking(send, error)
        ticket = factories.decide(asked_for(number), alice)
        with pytest.raises(OSError):
            asking.ended()
        ticket.refresh_from_db()
        assert ticket.execution == execution


@pytest.mark.parametrize("result", ["caf\udce9.txt", ["x\x00"], 2**70], ids=["surrogate", "nothing", "large"])
def test_what_ran_is_on_record_whatever_it_returned(countersign: Any, alice: Any, result: Any) -> None:
    asking = Asking(require_approval(action="send_email", client=countersign)(lambda: result))
    ticket = factories.decide(asked_for(), alice)
    assert asking.ended() == result
    ticket.refresh_from_db()
    assert ticket.execution == "succeeded"


def test_whoever_took_the_answer_and_was_lost_leaves_a_doubt(countersign: Any, sent: list[str], alice: Any) -> None:
    send = sending(countersign, sent, grace=0.5)
    asking = Asking(send, "bob")
    ticket = asked_for()
    factories.decide(ticket, alice)
    asking.ended()
    factories.force([ticket], execution="started", result=None)  # as if it had been killed before
    with pytest.raises(InDoubt):
        send("bob")
    ticket.refresh_from_db()
    assert (ticket.execution, sent) == ("unknown", ["bob"])


def test_an_async_function_is_guarded_too(countersign: Any, sent: list[str], alice: Any) -> None:
    @require_approval(action="send_email", client=countersign)
    async def send(to: str) -> str:
        sent.append(to)
        return to.upper()

    asking = Asking(lambda: asyncio.run(send("bob")))
    factories.decide(asked_for(), alice)
    assert (asking.ended(), sent) == ("BOB", ["bob"])


def test_a_ticket_is_asked_for_and_waited_for(countersign: Any, alice: Any) -> None:
    ticket = countersign.request("send_email", {"to": "bob"}, reasoning="He asked.", idempotency_key="k")
    assert countersign.request("send_email", {"to": "bob"}, reasoning="He asked.", idempotency_key="k").id == ticket.id
    with pytest.raises(StillWaiting):
        ticket.wait(0.1)
    factories.decide(Ticket.objects.get(), alice, "respond", message="Ask erin.")
    assert (ticket.wait(30).state, ticket.message) == ("answered", "Ask erin.")


def test_a_question_is_answered_in_words(countersign: Any, alice: Any) -> None:
    @require_approval(action="send_email", client=countersign, allowed_decisions=["respond"])
    def send(to: str) -> None: ...

    asking = Asking(send, "bob")
    factories.decide(asked_for(), alice, "respond", message="Ask erin.")
    with pytest.raises(Answered) as told:
        asking.ended()
    assert told.value.message == "Ask erin."


def test_with_an_event_loop_it_is_awaited(live_server: Any, secret: str, mail: Any, alice: Any) -> None:
    async def scene() -> Any:
        ticket = await AsyncCountersign(live_server.url, secret).request("send_email", {"to": "bob"})
        return (await ticket.wait(30)).state

    asking = Asking(lambda: asyncio.run(scene()))
    factories.decide(asked_for(), alice)
    assert asking.ended() == "approved"
