"""The soft gate runs unless stopped; the manual gate asks for a typed confirmation."""

from __future__ import annotations

import pytest

from approvals import deadlines, tickets
from approvals.errors import ConfirmationRequired
from approvals.models import Decision
from tests.factories import decide, make_policy, open_ticket, overdue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

OTHER = {"amount": 300, "to": "erin"}


@pytest.fixture
def soft():
    make_policy(gate="soft", risk="medium", on_timeout="approve", deny_threshold=2, requirements={"reviewers": 1})
    return open_ticket()


@pytest.fixture
def manual():
    make_policy(gate="manual", risk="critical", confirm="{to}", requirements={"reviewers": 1, "finance": 1})
    return open_ticket()


def at_its_deadline(ticket):
    deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    return ticket


def test_behind_a_soft_gate_it_runs_at_the_deadline(soft):
    assert at_its_deadline(soft).outcome == "unopposed"


def test_one_rejection_stops_a_soft_gate_whatever_the_deny_threshold(soft, alice):
    assert decide(soft, alice, "reject").state == "pending"
    assert at_its_deadline(soft).outcome == "timed_out"


def test_an_approval_opens_a_soft_gate_at_once(soft, alice):
    assert decide(soft, alice).outcome == "approved"


def test_an_edit_behind_a_soft_gate_runs_at_the_deadline_with_the_edited_arguments(soft, alice):
    assert decide(soft, alice, "edit", args=OTHER).state == "pending"
    answer = tickets.answer_of(at_its_deadline(soft))
    assert (answer.type, answer.args) == ("edit", OTHER)


def test_an_edit_into_a_higher_tier_takes_the_soft_gate_away(alice):
    make_policy("Large", position=1, condition="double(args.amount) > 1000.0", risk="high", requirements={"finance": 2})
    make_policy("Small", position=2, gate="soft", on_timeout="approve", requirements={"reviewers": 1})
    edited = decide(open_ticket(), alice, "edit", args={"amount": 5000, "to": "bob"})
    assert (edited.gate, at_its_deadline(edited).outcome) == ("hard", "timed_out")


def test_a_manual_gate_opens_to_who_types_what_the_arguments_say(manual, alice, carol):
    assert decide(manual, alice, confirm=" bob ").state == "pending"
    assert decide(manual, carol, confirm="bob").state == "approved"


@pytest.mark.parametrize("typed", ["", "Bob", "CONFIRM", "transfer_money", "bob\x00"])
def test_a_manual_gate_takes_nothing_else(manual, alice, typed):
    with pytest.raises(ConfirmationRequired) as refusal:
        decide(manual, alice, confirm=typed)
    assert refusal.value.facts == {"confirm_text": "bob"}
    assert not Decision.objects.exists()


def test_to_say_no_nothing_is_typed(manual, alice):
    assert decide(manual, alice, "reject").state == "rejected"


def test_an_edit_is_confirmed_by_what_it_says_itself(manual, alice, carol):
    with pytest.raises(ConfirmationRequired, match="erin"):
        decide(manual, alice, "edit", args=OTHER, confirm="bob")
    edited = decide(manual, alice, "edit", args=OTHER, confirm="erin")
    assert (edited.revision, edited.confirm_text) == (2, "erin")


def test_an_edit_into_the_manual_tier_is_confirmed_too(alice):
    large = {"condition": "double(args.amount) > 1000.0", "risk": "critical", "gate": "manual"}
    make_policy("Large", position=1, confirm="{amount}", requirements={"reviewers": 1, "finance": 1}, **large)
    make_policy("Small", position=2, requirements={"reviewers": 1})
    ticket = open_ticket()
    with pytest.raises(ConfirmationRequired, match="5000"):
        decide(ticket, alice, "edit", args={"amount": 5000, "to": "bob"})
    ticket.refresh_from_db()
    assert (ticket.revision, ticket.gate) == (1, "hard")


def test_a_confirmation_that_cannot_be_made_is_the_name_of_the_action_and_says_so():
    make_policy(gate="manual", confirm="{account}", requirements={"reviewers": 1})
    ticket = open_ticket()
    assert ticket.confirm_text == "transfer_money"
    assert "there is no argument account" in ticket.policy["confirm_note"]


def test_a_broken_condition_asks_two_people_to_type_the_action():
    make_policy(condition="args.missing > 1", requirements={"reviewers": 1})
    ticket = open_ticket()
    assert (ticket.gate, ticket.risk, ticket.confirm_text) == ("manual", "critical", "transfer_money")
    assert [need.needed for need in ticket.requirements.all()] == [2]
