"""A ticket that has ended says who ended it and how, and shows nothing that was never filled."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import deadlines, display, tickets, wording
from approvals.models import Ticket
from tests import factories


def ended(ticket: Ticket) -> str:
    ticket.refresh_from_db()
    return display.ending(ticket)


def page_of(client: Client, ticket: Ticket, reader: Any) -> str:
    client.force_login(reader)
    return client.get(ticket.get_absolute_url()).content.decode()


def test_signatures_end_it(transfers: Any, alice: Any, erin: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    factories.decide(ticket, erin)
    assert ended(ticket) == "Approved by alice and erin"


def test_edit_and_signature_end_it(transfers: Any, alice: Any, erin: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice, "edit", args={"amount": 25, "to": "bob"})
    factories.decide(ticket, erin)
    assert ended(ticket) == "Approved with edits by alice and erin"


def test_rejection_ends_it_whoever_had_signed(transfers: Any, alice: Any, erin: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    factories.decide(ticket, erin, "reject")
    assert ended(ticket) == "Rejected by erin"


def test_answer_ends_it(transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice, "respond", message="Ask again on Monday")
    assert ended(ticket) == "Answered by alice"


def test_deadline_ends_it_and_shows_no_place_that_was_never_filled(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    Ticket.objects.filter(pk=ticket.pk).update(deadline_at="2026-01-01T00:00Z")
    deadlines.expire(ticket.pk)
    page = page_of(client, ticket, alice)
    assert ended(ticket) == "Closed at its deadline"
    assert "Closed at its deadline</h2>" in page
    assert "signature--open" not in page


def test_policy_ends_it(alice: Any) -> None:
    factories.make_policy("Search", action="search", gate="auto", requirements={"reviewers": 1})
    assert ended(factories.open_ticket("search")) == "Approved by the policy “Search”"


@pytest.mark.parametrize(
    ("end", "words"), [(tickets.cancel, "Withdrawn"), (tickets.supersede, "Superseded: the agent")]
)
def test_agent_ends_it(transfers: Any, end: Any, words: str) -> None:
    ticket = factories.open_ticket()
    end(ticket.pk, reason="The run was stopped.")
    assert ended(ticket).startswith(words)


def test_signature_stays_when_its_signer_leaves_the_group(
    client: Client, transfers: Any, alice: Any, erin: Any
) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice, message="Checked.")
    factories.decide(ticket, erin)
    erin.groups.clear()
    page = page_of(client, ticket, alice)
    assert '<span class="signature__name">erin</span>' in page
    assert "signature--open" not in page


def test_lists_of_names_read_as_lists() -> None:
    names = ["alice", "bob", "erin"]
    assert [wording.listed(names[:n]) for n in (1, 2, 3)] == ["alice", "alice and bob", "alice, bob and erin"]
