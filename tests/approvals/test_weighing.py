"""An edit is weighed as a new request is: it may raise what the ticket asks for and never lowers it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from approvals import deadlines
from approvals.models import Policy, Ticket
from tests.factories import decide, make_policy, open_ticket, overdue, unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

LARGE = "double(args.amount) > 100.0"


@pytest.fixture
def tiers():
    """Over 100 it is high and needs finance; under it is medium."""
    make_policy("Large", position=1, condition=LARGE, risk="high", requirements={"finance": 1, "reviewers": 1})
    make_policy("Small", position=2, risk="medium", deadline_seconds=3600, requirements={"reviewers": 1})


def transfer(amount=50):
    return open_ticket(args={"amount": amount, "to": "bob"})


def edit(ticket, reviewer, amount):
    return decide(ticket, reviewer, "edit", args={"amount": amount, "to": "bob"}, confirm="transfer_money")


def needs(ticket):
    return dict(ticket.requirements.values_list("group__name", "needed"))


@pytest.mark.usefixtures("tiers")
def test_an_edit_over_the_limit_needs_what_a_request_over_the_limit_needs(alice):
    ticket = edit(transfer(), alice, 5000)
    assert (ticket.state, ticket.risk, ticket.policy_name) == ("pending", "high", "Large")
    assert needs(ticket) == {"reviewers": 1, "finance": 1}


@pytest.mark.usefixtures("tiers")
def test_an_edit_under_the_limit_still_needs_what_opened_the_ticket(alice):
    ticket = edit(transfer(5000), alice, 5)
    assert (ticket.state, ticket.risk, ticket.policy_name) == ("pending", "high", "Large")


@pytest.mark.usefixtures("tiers")
def test_two_edits_do_not_lead_back_to_the_lower_tier(alice, carol):
    ticket = edit(edit(transfer(), alice, 5000), carol, 5)
    assert (ticket.risk, ticket.state) == ("high", "pending")


def test_an_edit_never_reaches_a_gate_that_lets_it_run(alice):
    make_policy("Tiny", position=1, gate="auto", risk="low", condition="double(args.amount) < 10.0")
    make_policy("Two sign", position=2, requirements={"reviewers": 2})
    ticket = edit(transfer(), alice, 5)
    assert (ticket.gate, ticket.state, ticket.policy_name) == ("hard", "pending", "Two sign")


def test_a_stricter_gate_is_kept_whatever_the_risk(alice):
    make_policy("Typed", position=1, gate="manual", risk="medium", condition=LARGE, requirements={"reviewers": 2})
    make_policy("Plain", position=2, gate="hard", risk="high", requirements={"reviewers": 1})
    opened, edited = transfer(5000), edit(transfer(), alice, 5000)
    assert (edit(opened, alice, 5).gate, opened.gate, edited.gate) == ("manual", "manual", "manual")
    assert (edited.risk, needs(edited), edited.policy_name) == ("high", {"reviewers": 2}, "Plain")


def test_a_lighter_policy_that_asks_for_more_people_adds_them(alice):
    make_policy("Light, many", position=1, risk="low", condition=LARGE, requirements={"finance": 2})
    make_policy("Heavy, one", position=2, risk="high", requirements={"reviewers": 1})
    ticket = edit(transfer(), alice, 5000)
    assert (ticket.risk, needs(ticket), ticket.policy_name) == ("high", {"reviewers": 1, "finance": 2}, "Heavy, one")


def test_whoever_was_barred_stays_barred(dave, alice):
    make_policy("Open", position=1, condition=LARGE, risk="high", bar_requester=False, requirements={"reviewers": 2})
    make_policy("Barred", position=2, deny_threshold=1, requirements={"reviewers": 1})
    ticket = open_ticket(args={"amount": 5, "to": "bob"}, requester=dave)
    assert edit(ticket, alice, 5000).bar_requester


def test_the_same_policy_made_stricter_meanwhile_applies_to_an_edit(alice):
    policy = make_policy("Mail", requirements={"reviewers": 1})
    ticket = transfer()
    with unguarded():
        Policy.objects.filter(pk=policy.pk).update(risk="high", version=2)
        policy.requirements.update(needed=2)
    edited = edit(ticket, alice, 51)
    assert (edited.state, edited.risk, edited.policy_version, needs(edited)) == ("pending", "high", 2, {"reviewers": 2})


@pytest.mark.usefixtures("tiers")
def test_a_deadline_is_never_later_after_an_edit(alice):
    ticket = transfer()
    before = ticket.deadline_at
    assert edit(ticket, alice, 5000).deadline_at == before


def test_a_tier_with_less_time_ends_sooner(alice):
    make_policy("Urgent", position=1, condition=LARGE, risk="high", deadline_seconds=60, requirements={"reviewers": 2})
    make_policy("Small", position=2, requirements={"reviewers": 1})
    ticket = edit(transfer(), alice, 5000)
    assert ticket.deadline_at - ticket.opened_at < timedelta(seconds=90)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'approvals.expire'")
        assert cursor.fetchone()[0] == 2


@pytest.mark.usefixtures("tiers")
def test_a_policy_deleted_meanwhile_leaves_the_ticket_as_strict_as_it_was(alice):
    ticket = transfer(5000)
    with unguarded():
        Policy.objects.all().delete()
    edited = edit(ticket, alice, 5)
    assert (edited.state, edited.risk, needs(edited)) == ("pending", "high", {"finance": 1, "reviewers": 1})


@pytest.mark.usefixtures("tiers")
def test_an_edit_that_breaks_the_condition_fails_closed(alice):
    ticket = decide(transfer(), alice, "edit", args={"amount": "a lot", "to": "bob"}, confirm="transfer_money")
    assert (ticket.state, ticket.risk, needs(ticket)) == ("pending", "critical", {"reviewers": 2})
    assert "Large" in ticket.policy["condition_error"]


def test_an_edit_counts_with_its_new_arguments_and_not_with_its_old_ones(alice):
    condition = 'total("args.amount", "args.to", 24) + double(args.amount) > 1000.0'
    make_policy("Much", position=1, condition=condition, risk="high", requirements={"reviewers": 2})
    make_policy("Little", position=2, requirements={"reviewers": 2})
    transfer(300)
    ticket = edit(transfer(600), alice, 650)
    assert (ticket.policy_name, ticket.policy["totals"][0]["with_this"]) == ("Little", 950.0)
    assert edit(Ticket.objects.get(pk=ticket.pk), alice, 750).policy_name == "Much"


def test_the_page_shows_what_it_comes_to(client, alice):
    make_policy(condition='total("args.amount", "args.to", 24) >= 0.0', requirements={"reviewers": 2})
    open_ticket(args={"amount": 1000, "to": "bob\u202e"})
    client.force_login(alice)
    page = client.get(open_ticket(args={"amount": 250, "to": "bob\u202e"}).get_absolute_url()).content.decode()
    assert "With this, 1,250.00 to bob" in page and "⟨U+202E⟩" in page


INSIDE = 'args.to == "inside"'


def sent_outside(alice, **policy):
    """A mail that goes by itself at its deadline, edited into one that this policy is about."""
    gate = policy.pop("opened_gate", "soft")
    make_policy("Inside", position=1, condition=INSIDE, risk="low", gate=gate, requirements={"reviewers": 1}, **policy)
    make_policy("Outside", position=2, risk="low", gate="hard", requirements={"reviewers": 2})
    ticket = decide(open_ticket("send", args={"to": "inside"}), alice, "edit", args={"to": "outside"})
    while deadlines.expire(overdue(ticket).pk):
        ticket.refresh_from_db()
    return ticket


def test_where_the_other_policy_of_the_same_risk_waits_for_people_no_clock_lets_the_edit_pass(alice):
    ticket = sent_outside(alice, on_timeout="approve")
    assert (ticket.state, ticket.outcome) == ("expired", "timed_out")


def test_a_chain_of_groups_is_kept_and_ends_as_the_stricter_policy_says(alice):
    steps = [("security", 1, 60)]
    ticket = sent_outside(alice, opened_gate="hard", steps=steps, final_action="approve")
    assert (ticket.state, ticket.escalations) == ("expired", 1)


def test_only_another_clock_is_something_stricter_too(alice):
    make_policy("In", position=1, condition=INSIDE, risk="low", on_timeout="approve", requirements={"reviewers": 2})
    make_policy("Out", position=2, risk="low", requirements={"reviewers": 2})
    ticket = decide(open_ticket("send", args={"to": "inside"}), alice, "edit", args={"to": "outside"})
    assert (ticket.on_timeout, ticket.state) == ("reject", "pending")


def test_an_edit_to_what_would_not_even_have_waited_still_runs_at_the_deadline(alice):
    make_policy(
        "Out",
        position=1,
        condition="!(" + INSIDE + ")",
        risk="low",
        gate="soft",
        on_timeout="approve",
        requirements={"reviewers": 1},
    )
    make_policy("In", position=2, risk="low", gate="auto")
    ticket = decide(open_ticket("send", args={"to": "outside"}), alice, "edit", args={"to": "inside"})
    assert deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome) == ("approved", "unopposed")
