"""Where a rule cannot be applied, more people are asked and nothing runs by itself."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db.models import ProtectedError

from approvals import rulebook
from approvals.models import Policy
from tests.factories import decide, make_policy, open_ticket, unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


@pytest.mark.parametrize(
    "condition",
    [
        "args.nothing > 1.0",
        "args.amount > 1.0 || args.nothing > 1.0",
        "args.amount + 1.0 > 1.0",
        "args",
        "nobody_knows(args)",
        'total("args.amount", "args.nothing", 24) > 1.0',
        'count("args.nothing", 24) > 1 || true',
        "double(args.to) > 1.0",
        "1 / 0 == 1",
        "graph.nothing == 1",
    ],
)
def test_a_condition_that_raises_lets_nothing_run(condition):
    make_policy("Runs", condition=condition, gate="auto", risk="low")
    ticket = open_ticket(args={"amount": 1, "to": "bob"})
    assert (ticket.state, ticket.risk, ticket.policy_name) == ("pending", "critical", "Failed closed")
    assert ticket.policy["condition_error"].startswith("Runs: ")


def test_a_broken_rule_further_down_does_not_matter(alice):
    make_policy("First", position=1, requirements={"reviewers": 1})
    make_policy("Broken", position=2, condition="args.nothing", gate="auto", risk="low")
    assert open_ticket().policy_name == "First"


def test_a_broken_rule_is_not_passed_over_for_a_laxer_one():
    make_policy("Broken", position=1, condition="args.nothing > 1.0", requirements={"reviewers": 2})
    make_policy("Lax", position=2, gate="auto", risk="low")
    assert open_ticket().state == "pending"


def test_a_broken_rule_about_something_else_stops_nothing():
    make_policy("Broken", position=1, action="delete_*", condition="args.nothing > 1.0")
    make_policy("Search", position=2, action="search", gate="auto", risk="low")
    assert open_ticket("search", args={"text": "x"}).state == "approved"


def test_a_group_that_does_not_exist_is_a_ticket_that_nobody_releases():
    Group.objects.filter(name="reviewers").update(name="people")
    ticket = open_ticket("never_seen")
    assert ticket.state == "pending"
    assert list(ticket.requirements.values_list("group__name", flat=True)) == ["reviewers"]
    assert not Group.objects.get(name="reviewers").user_set.exists()


def test_a_group_that_signs_cannot_be_deleted():
    make_policy(requirements={"finance": 1})
    with pytest.raises(ProtectedError):
        Group.objects.get(name="finance").delete()


def test_a_group_that_is_next_at_a_deadline_cannot_be_deleted():
    make_policy(requirements={"finance": 1}, steps=[("security", 1, 60)])
    with pytest.raises(ProtectedError):
        Group.objects.get(name="security").delete()


def test_a_renamed_group_is_still_the_group_that_signs(carol):
    make_policy(requirements={"finance": 1})
    ticket = open_ticket()
    Group.objects.filter(name="finance").update(name="treasury")
    assert decide(ticket, carol).state == "approved"


def test_a_ticket_keeps_the_terms_of_a_policy_that_was_deleted(alice, carol):
    policy = make_policy("Both", risk="high", requirements={"finance": 1, "reviewers": 1})
    ticket = open_ticket()
    rulebook.delete(policy, actor=None, source="file")
    assert decide(ticket, alice).state == "pending"
    assert (decide(ticket, carol).state, ticket.policy_name) == ("approved", "Both")


def test_a_ticket_keeps_the_terms_of_a_policy_that_was_made_laxer(alice):
    policy = make_policy("Both", requirements={"reviewers": 2})
    ticket = open_ticket()
    with unguarded():
        Policy.objects.filter(pk=policy.pk).update(gate="auto", risk="low", version=2)
    assert decide(ticket, alice).state == "pending"


def test_without_any_policy_people_are_asked():
    assert (open_ticket().state, open_ticket().policy_name) == ("pending", "Unknown action")
