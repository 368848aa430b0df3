"""Two requests at once never both slip under a limit."""

from __future__ import annotations

from collections import Counter

import pytest

from approvals import intake
from approvals.contract import Origin
from approvals.models import Ticket
from tests.concurrency.test_races import at_once, vote
from tests.factories import make_policy, open_ticket, propose

pytestmark = pytest.mark.django_db(transaction=True)

BY_PAYEE = 'total("args.amount", "args.to", 24) + double(args.amount) > 1000.0'
BY_REQUESTER = 'total("args.amount", "requester", 24) + double(args.amount) > 1000.0'


def opening(number, *sizes, to=("bob",)):
    """One interrupt that proposes transfers of these sizes."""
    actions = [propose(args={"amount": size, "to": to[n % len(to)]}, position=n) for n, size in enumerate(sizes)]
    origin = Origin(graph="operations", thread_id=f"t{number}", interrupt_id=f"{number:032x}")
    return lambda: intake.open_tickets(actions, origin=origin)


@pytest.fixture
def limit(cast):
    make_policy("Much", position=1, condition=BY_PAYEE, risk="high", requirements={"finance": 1, "reviewers": 1})
    make_policy("Little", position=9, requirements={"reviewers": 1})


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("trial", range(5))
def test_requests_opened_at_once_do_not_all_slip_under_the_limit(trial):
    at_once(*[opening(n, 600) for n in range(5)])
    assert Counter(Ticket.objects.values_list("policy_name", flat=True)) == {"Little": 1, "Much": 4}


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("trial", range(5))
def test_two_edits_at_once_do_not_both_slip_under_the_limit(alice, bob, trial):
    one, two = (open_ticket(args={"amount": 10, "to": "bob"}) for _ in range(2))
    larger = {"amount": 600, "to": "bob"}
    at_once(vote(one, alice, "edit", args=larger), vote(two, bob, "edit", args=larger))
    assert sorted(Ticket.objects.values_list("risk", flat=True)) == ["high", "medium"]


@pytest.mark.parametrize("trial", range(5))
def test_totals_of_different_policies_see_each_other(cast, trial):
    make_policy("By payee", position=1, condition=BY_PAYEE, graph="operations", requirements={"reviewers": 2})
    make_policy("By requester", position=2, condition=BY_REQUESTER, requirements={"reviewers": 2})
    make_policy("Little", position=9, requirements={"reviewers": 1})
    at_once(opening(1, 600), opening(2, 600, to=("erin",)))
    assert Counter(Ticket.objects.values_list("policy_name", flat=True)) == {"Little": 1, "By requester": 1}


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("trial", range(5))
def test_interrupts_with_the_same_payees_in_another_order_do_not_wait_for_each_other(trial):
    at_once(opening(1, 1, 2, to=("bob", "erin")), opening(2, 1, 2, to=("erin", "bob")))
    assert Ticket.objects.count() == 4
