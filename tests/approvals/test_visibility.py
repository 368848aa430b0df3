"""Who sees which ticket."""

from __future__ import annotations

import pytest

from approvals.models import Ticket
from approvals.policy import blocked_reason
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "sees"),
    [("alice", True), ("bob", True), ("carol", False), ("frank", False), ("dave", True), ("admin", True)],
)
def test_a_ticket_is_seen_by_its_groups_its_requester_and_auditors(cast, who, sees):
    open_ticket("unknown", requester=cast["dave"])
    assert Ticket.objects.visible_to(cast[who]).exists() is sees


def test_a_stranger_sees_nothing_of_somebody_else_s_request(cast):
    open_ticket("unknown", requester=cast["alice"])
    assert not Ticket.objects.visible_to(cast["dave"]).exists()


def test_a_disabled_person_sees_nothing(alice):
    open_ticket("unknown")
    alice.is_active = False
    assert not Ticket.objects.visible_to(alice).exists()


def test_what_needs_me_leaves_when_i_have_voted(transfers, alice):
    ticket = open_ticket()
    assert ticket in Ticket.objects.needing(alice)
    decide(ticket, alice)
    assert ticket not in Ticket.objects.needing(alice)


def test_my_own_request_does_not_need_me(transfers, alice):
    assert open_ticket(requester=alice) not in Ticket.objects.needing(alice)


def test_the_most_urgent_comes_first():
    make_policy("Low", position=1, action="low", risk="low", requirements={"reviewers": 1}, deadline_seconds=3600)
    make_policy("High", position=2, action="high", risk="high", requirements={"reviewers": 1}, deadline_seconds=60)
    low, high = open_ticket("low"), open_ticket("high")
    assert list(Ticket.objects.by_urgency()) == [high, low]


def test_the_requester_is_told_before_trying(alice, transfers):
    assert blocked_reason(alice, open_ticket(requester=alice)) == "You asked for this; someone else must approve."


def test_an_approver_is_not_held_back(alice, transfers):
    assert blocked_reason(alice, open_ticket()) is None
