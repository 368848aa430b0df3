"""A ticket says itself which groups it asks, and the database keeps that true."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from approvals import audit, inbox, tickets
from approvals.inbox import Tab
from approvals.models import Ticket, TicketRequirement, circles
from tests import factories


def names(ids: list[int]) -> set[str]:
    return set(Group.objects.filter(pk__in=ids).values_list("name", flat=True))


def asked(ticket: Ticket) -> tuple[set[str], set[str]]:
    """Everybody who may decide, and those whose turn it is."""
    ticket.refresh_from_db()
    return names(ticket.asked), names(ticket.asked_now)


def test_a_new_ticket_asks_the_groups_of_its_policy(transfers: Any, cast: Any) -> None:
    assert asked(factories.open_ticket()) == ({"finance", "reviewers"}, {"finance", "reviewers"})


def test_in_sequence_only_the_next_group_is_asked_now(cast: Any, carol: Any) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    ticket = factories.open_ticket("order")
    assert asked(ticket) == ({"finance", "reviewers"}, {"finance"})
    factories.decide(ticket, carol)
    assert asked(ticket) == ({"finance", "reviewers"}, {"finance", "reviewers"})


def test_a_requirement_that_goes_asks_nobody(transfers: Any, cast: Any) -> None:
    ticket = factories.open_ticket()
    TicketRequirement.objects.filter(ticket=ticket, group__name="finance").delete()
    assert asked(ticket) == ({"reviewers"}, {"reviewers"})
    TicketRequirement.objects.filter(ticket=ticket).delete()
    assert asked(ticket) == (set(), set())
    audit.append("policy.applied", ticket=tickets.lock(ticket.pk)[0])


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave", "frank", "admin"])
def test_every_ticket_that_waits_is_in_one_list_of_each_reader(transfers: Any, cast: Any, who: str) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    voted = factories.open_ticket(requester=cast["bob"])
    factories.decide(voted, cast["alice"])
    edited = factories.open_ticket()
    factories.decide(edited, cast["carol"])
    factories.decide(edited, cast["alice"], "edit", args={"amount": 1, "to": "bob"})
    for action in ("order", "transfer_money", "send_email"):
        factories.open_ticket(action, requester=cast["dave"])
    mine, others = Ticket.objects.waiting_for(cast[who]), Ticket.objects.not_needing(cast[who])
    assert set(mine) | set(others) == set(Ticket.objects.pending())
    assert not set(mine) & set(others)
    mine, others = inbox.of(cast[who], Tab.YOU), inbox.of(cast[who], Tab.OTHERS)
    assert set(mine) | set(others) == set(Ticket.objects.pending().visible_to(cast[who]))
    assert not set(mine) & set(others)


def test_each_circle_that_is_asked_is_found_once(transfers: Any, cast: Any, carol: Any) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    for action in ("send_email", "order", "send_email", "order"):
        factories.open_ticket(action)
    factories.decide(factories.open_ticket("order"), carol)
    factories.decide(factories.open_ticket(), carol, "reject")  # what is decided asks nobody
    both = {"finance", "reviewers"}
    assert [(names(circle.asked), names(circle.asked_now)) for circle in circles()] == [
        (both, {"finance"}),
        (both, both),
        ({"reviewers"}, {"reviewers"}),
    ]


def test_nobody_asks_somebody_who_is_switched_off(transfers: Any, alice: Any) -> None:
    factories.open_ticket("send_email")
    alice.is_active = False
    assert [tab for tab in Tab if inbox.of(alice, tab).exists()] == []


def test_the_order_of_the_index_is_the_order_of_urgency(cast: Any) -> None:
    for name, seconds, risk in (("late", 7_200, "low"), ("soon", 60, "low"), ("grave", 60, "critical")):
        factories.make_policy(name, action=name, deadline_seconds=seconds, risk=risk, requirements={"reviewers": 1})
    factories.make_policy("never", action="never", deadline_seconds=None, requirements={"reviewers": 1})
    tickets = {name: factories.open_ticket(name) for name in ("never", "late", "soon", "grave")}
    Ticket.objects.filter(pk=tickets["grave"].pk).update(deadline_at=Ticket.objects.get(action="soon").deadline_at)
    assert [ticket.action for ticket in Ticket.objects.by_urgency()] == ["grave", "soon", "late", "never"]
    Ticket.objects.filter(action="never").update(escalations=1)
    assert Ticket.objects.by_urgency()[0].action == "never"
