"""Who else has a ticket open is told by their pages, and forgotten a minute later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from approvals import presence
from approvals.models import AuditEntry, Presence, Ticket
from tests import factories


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket()


def told(client: Client, ticket: Ticket, user: Any, **data: str) -> str:
    client.force_login(user)
    return client.post(f"{ticket.get_absolute_url()}presence/", data).content.decode()


def test_whoever_looks_is_named_to_the_others_and_not_to_themselves(
    client: Client, ticket: Ticket, alice: Any, carol: Any
) -> None:
    assert told(client, ticket, alice).strip() == ""
    assert "alice is looking" in told(client, ticket, carol)


def test_whoever_opened_the_approval_is_deciding(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    told(client, ticket, alice, deciding="1")
    assert "alice is deciding" in told(client, ticket, carol)


def test_whoever_has_signed_is_not_deciding_any_more(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    told(client, ticket, alice, deciding="1")
    factories.decide(ticket, alice)
    assert "alice is looking" in told(client, ticket, carol)


def test_since_when_somebody_is_deciding_stays(ticket: Ticket, alice: Any) -> None:
    presence.note(ticket, alice, is_deciding=True)
    Presence.objects.update(deciding_since=F("deciding_since") - timedelta(seconds=30))
    before = Presence.objects.get().deciding_since
    presence.note(ticket, alice, is_deciding=True)
    assert Presence.objects.get().deciding_since == before


def test_who_said_nothing_for_a_minute_is_forgotten(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    told(client, ticket, alice)
    Presence.objects.update(seen_at=F("seen_at") - timedelta(seconds=61))
    assert "alice" not in told(client, ticket, carol)
    assert [one.person for one in Presence.objects.all()] == [carol]


def test_to_look_is_no_fact_of_the_record(client: Client, ticket: Ticket, alice: Any) -> None:
    entries = AuditEntry.objects.filter(ticket=ticket)
    before = entries.count()
    told(client, ticket, alice)
    assert entries.count() == before


def test_a_ticket_one_may_not_see_is_not_found(client: Client, ticket: Ticket, frank: Any) -> None:
    client.force_login(frank)
    assert client.post(f"{ticket.get_absolute_url()}presence/").status_code == 404


def test_on_a_closed_ticket_nobody_is_deciding(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    factories.decide(ticket, carol, "reject")
    told(client, ticket, alice)
    assert not Presence.objects.exists()


def test_where_votes_are_blind_nobody_is_told_who_looks_until_they_have_decided(
    client: Client, cast: Any, alice: Any, bob: Any
) -> None:
    factories.make_policy("Blind", action="pay", blind=True, requirements={"reviewers": 2})
    ticket = factories.open_ticket("pay")
    told(client, ticket, alice, deciding="1")
    assert told(client, ticket, bob).strip() == ""
    factories.decide(ticket, bob)
    assert "alice is deciding" in told(client, ticket, bob)
