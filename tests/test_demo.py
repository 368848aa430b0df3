"""The demo's policies are the tiers of the design."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents import models_offline
from approvals import deadlines, drafts, rulebook
from approvals.models import Policy
from hitl_site import demo
from tests.factories import decide, open_ticket, overdue, unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def seeded(db):
    demo.seed()


def test_every_demo_policy_can_be_met():
    for draft in rulebook.present():
        assert not drafts.problems(draft) and not drafts.shortfalls(draft)


def test_high_risk_is_passed_on_to_security_and_then_closed():
    ticket = overdue(open_ticket())
    deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.escalated_to) == ("pending", "security")
    deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    assert ticket.outcome == "timed_out"


@pytest.mark.parametrize("action", ["transfer_money", "delete_data"])
def test_two_different_people_can_sign_what_was_escalated(action):
    ticket = overdue(open_ticket(action))
    deadlines.expire(ticket.pk)
    frank, alice = (User.objects.get(username=name) for name in ("frank", "alice"))
    assert decide(ticket, frank).is_open
    assert decide(ticket, alice).state == "approved"


def test_nothing_of_high_risk_ends_in_an_approval_by_the_clock():
    ends = {policy.final_action for policy in Policy.objects.all()} | set(
        Policy.objects.filter(risk__in=["high", "critical"]).values_list("on_timeout", flat=True)
    )
    assert ends == {"reject", "escalate"}


def test_the_agent_that_asks_has_something_to_ask():
    task = dict(demo.RUNS)["clarify"]
    assert models_offline.parse(task).unread == task  # a command would be another policy's business


def test_a_second_seed_changes_nothing():
    before = rulebook.present()
    demo.seed()
    assert rulebook.present() == before


def test_a_policy_that_was_taken_out_stays_out():
    rulebook.delete(Policy.objects.get(name="Search"), actor=None, source="admin")
    kept = rulebook.present()
    demo.seed()
    assert rulebook.present() == kept


def test_where_a_file_says_what_is_in_force_the_demo_brings_no_policies(settings, tmp_path):
    with unguarded():
        Policy.objects.all().delete()
    settings.COUNTERSIGN_POLICIES = tmp_path / "policies.toml"
    demo.seed()
    assert not Policy.objects.exists()
