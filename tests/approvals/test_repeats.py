"""An agent that asks again for what people refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from approvals import deadlines, intake
from approvals.contract import Origin
from approvals.models import Ticket
from tests.factories import decide, make_policy, open_ticket, propose

pytestmark = pytest.mark.django_db


def ask(thread_id: str = "t-1", **fields: Any) -> Ticket:
    return open_ticket(thread_id=thread_id, **fields)


def test_a_ticket_follows_the_one_that_was_rejected(alice):
    refused = decide(ask(), alice, "reject", message="Too much.")
    again = ask(args={"amount": 100, "to": "bob"})
    assert (again.follows, again.request_number) == (refused, 2)


def test_a_ticket_follows_the_one_that_timed_out(alice):
    late = ask()
    Ticket.objects.filter(pk=late.pk).update(deadline_at=timezone.now())
    deadlines.expire_overdue()
    assert ask().follows == late


def test_a_ticket_follows_the_one_that_was_answered_in_words(alice):
    answered = decide(ask(), alice, "respond", message="Use 100.")
    again = ask()
    assert (again.follows, again.request_number) == (answered, 1)


def test_nothing_follows_an_approval(alice):
    decide(ask(), alice)
    assert ask().follows is None


@pytest.mark.parametrize("other", [{"thread_id": "t-2"}, {"action": "delete_data"}])
def test_nothing_follows_the_refusal_of_something_else(alice, other):
    decide(ask(), alice, "reject")
    assert ask(**other).follows is None


def test_a_refusal_is_followed_once(alice):
    decide(ask(), alice, "reject")
    ask()
    assert ask().follows is None


def test_of_two_refusals_the_more_alike_is_followed(alice):
    to_bob, to_erin = (ask(args={"amount": 5, "to": name}) for name in ("bob", "erin"))
    for ticket in (to_bob, to_erin):
        decide(ticket, alice, "reject")
    assert ask(args={"amount": 4, "to": "bob"}).follows == to_bob
    assert ask(args={"amount": 4, "to": "erin"}).follows == to_erin


def test_a_new_message_begins_a_new_task(alice):
    decide(ask(), alice, "reject")
    origin = Origin(graph="operations", thread_id="t-1", interrupt_id="b" * 32, since=timezone.now())
    assert intake.open_tickets([propose()], origin=origin)[0].follows is None


def test_a_policy_ends_the_asking(alice):
    make_policy("Thrice", max_requests=3, requirements={"reviewers": 1})
    for _ in range(3):
        decide(ask(), alice, "reject")
    fourth = ask()
    assert (fourth.state, fourth.request_number) == ("cancelled", 4)
    assert fourth.message.startswith("The agent has asked for this 3 times and was refused each time")
    assert [e.type for e in fourth.audit_entries.all()] == ["ticket.opened", "ticket.cancelled"]


def test_a_policy_may_let_an_agent_ask_without_end(alice):
    make_policy("Patient", max_requests=None, requirements={"reviewers": 1})
    for _ in range(7):
        decide(ask(), alice, "reject")
    assert ask().state == "pending"


def test_an_answer_in_words_is_no_refusal_and_does_not_count(alice):
    make_policy("Once", max_requests=1, requirements={"reviewers": 1})
    decide(ask(), alice, "respond", message="Use 100.")
    assert ask().state == "pending"


def test_the_page_says_what_it_follows_and_what_is_different(client: Client, alice):
    refused = decide(ask(), alice, "reject", message="Too much.")
    again = ask(args={"amount": 100, "to": "bob"})
    client.force_login(alice)
    page = client.get(again.get_absolute_url()).content.decode()
    assert f'href="{refused.get_absolute_url()}"' in page
    assert "Too much." in page
    assert "Request 2 of at most 5" in page
    assert "250" in page
    assert f"ticket {again.pk}</a>" in client.get(refused.get_absolute_url()).content.decode()


def test_a_ticket_of_others_that_it_follows_stays_hidden(client: Client, alice, frank):
    refused = decide(ask(), alice, "reject", message="Too much.")
    make_policy("Security", requirements={"security": 1})
    client.force_login(frank)
    page = client.get(ask().get_absolute_url()).content.decode()
    assert "which you may not see" in page
    assert refused.get_absolute_url() not in page and "Too much." not in page
