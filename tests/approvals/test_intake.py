"""A pause becomes tickets."""

from __future__ import annotations

import pytest

from approvals.contract import Origin
from approvals.errors import InvalidArguments, TooLarge
from approvals.intake import open_tickets
from approvals.models import AuditEntry, Ticket
from tests.factories import make_policy, open_ticket, propose, unguarded

pytestmark = pytest.mark.django_db
ORIGIN = Origin(graph="operations", thread_id="t-1", interrupt_id="a" * 32)


def test_an_unknown_action_falls_under_the_built_in_policy():
    ticket = open_ticket("launch_rocket")
    assert (ticket.risk, ticket.gate, ticket.on_timeout) == ("medium", "hard", "reject")
    assert [(r.group.name, r.needed) for r in ticket.requirements.all()] == [("reviewers", 1)]
    assert (ticket.deadline_at - ticket.opened_at).total_seconds() == 86_400


def test_the_first_policy_that_matches_decides():
    make_policy("Second", position=2, risk="low", gate="auto")
    make_policy("First", position=1, action="transfer_*", risk="high", requirements={"finance": 2})
    assert open_ticket().policy_name == "First"


def test_a_disabled_policy_is_passed_over():
    make_policy("Off", enabled=False, risk="low", gate="auto")
    assert open_ticket().policy_name == "Unknown action"


def test_a_condition_over_the_arguments_chooses():
    make_policy(
        "Large",
        position=1,
        condition="double(args.amount) > 1000.0",
        risk="high",
        requirements={"finance": 1},
    )
    assert open_ticket(args={"amount": 2000, "to": "bob"}).policy_name == "Large"
    assert open_ticket(args={"amount": 20, "to": "bob"}).policy_name == "Unknown action"


@pytest.mark.parametrize("condition", ["args.nothing > 1", "1 +", "unknown == 1", "args.amount"])
def test_a_condition_that_cannot_be_evaluated_fails_closed(condition):
    make_policy("Broken", condition=condition, risk="low", gate="auto")
    ticket = open_ticket()
    assert (ticket.state, ticket.risk) == ("pending", "critical")
    assert ticket.policy["condition_error"].startswith("Broken: ")


def test_an_agent_without_confidence_does_not_slip_past_a_confidence_rule():
    make_policy("Sure", condition="confidence > 0.9", risk="low", gate="auto")
    assert open_ticket().state == "pending"
    assert open_ticket(confidence=0.95).state == "approved"


def test_an_auto_gate_approves_at_once_and_says_so_in_the_record():
    make_policy("Reads", action="read_*", risk="low", gate="auto")
    ticket = open_ticket("read_file")
    assert (ticket.state, ticket.outcome, ticket.deadline_at) == ("approved", "auto_approved", None)
    assert [e.type for e in ticket.audit_entries.all()] == ["ticket.opened", "ticket.approved"]


def test_the_same_interrupt_opens_its_tickets_once():
    first = open_tickets([propose(position=0), propose(position=1)], origin=ORIGIN)
    again = open_tickets([propose(position=0), propose(position=1)], origin=ORIGIN)
    assert [t.pk for t in again] == [t.pk for t in first]
    assert Ticket.objects.count() == 2


def test_one_action_that_cannot_be_shown_opens_none():
    with pytest.raises(TooLarge):
        open_tickets([propose(), propose(position=1, args={"body": "x" * 300_000})], origin=ORIGIN)
    assert (Ticket.objects.count(), AuditEntry.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "args", [{"n": float("nan")}, {"n": 2**70}, {"n": 1e17}, {"s": "\ud800"}, {"s": "a\0b"}, {"\0": 1}]
)
def test_arguments_without_a_canonical_form_are_refused(args):
    with pytest.raises(InvalidArguments):
        open_ticket(args=args)


def test_hostile_words_of_the_agent_are_kept_as_plain_text():
    ticket = open_ticket(description="a\0b\ud800", context=[{"role": "user", "content": "\0"}])
    assert "\0" not in ticket.description + ticket.context[0]["content"]


def test_the_policy_in_force_is_copied_onto_the_ticket(transfers):
    ticket = open_ticket()
    with unguarded():
        transfers.requirements.all().delete()
        transfers.delete()
    assert ticket.policy["requirements"] == [
        {"group": "finance", "needed": 1},
        {"group": "reviewers", "needed": 1},
    ]
