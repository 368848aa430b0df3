"""Nobody decided in time: the ticket goes to the next group, and signatures are not lost on the way."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection

from approvals import deadlines, sign_off
from approvals.models import AuditEntry, Ticket
from approvals.policy import may_decide
from tests.factories import claim, decide, make_policy, open_ticket, overdue, unguarded

pytestmark = pytest.mark.django_db
HOUR = 3_600


@pytest.fixture
def chain(cast):
    """Two sign; then security within two hours; then finance within one; then it ends."""
    return make_policy(
        risk="high",
        bar_editor=False,
        requirements={"finance": 1, "reviewers": 1},
        steps=[("security", 1, 2 * HOUR), ("finance", 2, HOUR)],
    )


def escalated(ticket, times=1):
    for _ in range(times):
        deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    return ticket


def left(ticket):
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadline_at - clock_timestamp() FROM approvals_ticket WHERE id = %s", [ticket.pk])
        return cursor.fetchone()[0]


def needs(ticket):
    return {r.group.name: r.needed for r in ticket.requirements.all() if r.needed}


def test_a_timeout_passes_the_ticket_on_with_a_new_deadline(chain):
    ticket = escalated(open_ticket())
    assert (ticket.state, ticket.escalations, needs(ticket)) == ("pending", 1, {"security": 1})
    assert timedelta(hours=2) - left(ticket) < timedelta(seconds=30)


def test_the_next_group_sees_the_ticket_at_once(chain, frank):
    ticket = open_ticket()
    assert ticket not in Ticket.objects.visible_to(frank)
    assert escalated(ticket) in Ticket.objects.needing(frank)


def test_those_who_could_sign_before_still_may(chain, carol):
    may_decide(carol, escalated(open_ticket()))


def test_a_signature_given_before_still_counts(chain, alice, frank):
    ticket = escalated(decide(open_ticket(), alice))
    assert decide(ticket, frank).state == "approved"


def test_what_two_had_to_sign_is_not_released_by_one(chain, frank, carol):
    ticket = escalated(open_ticket())
    assert decide(ticket, frank).is_open
    assert decide(ticket, carol).state == "approved"


def test_without_the_next_group_the_old_ones_are_not_enough(chain, alice, carol, frank):
    ticket = escalated(open_ticket())
    decide(ticket, alice)
    assert decide(ticket, carol).is_open
    assert decide(ticket, frank).state == "approved"


def test_where_one_had_to_sign_the_next_group_signs_alone(cast):
    make_policy(requirements={"reviewers": 1}, steps=[("security", 1, HOUR)])
    assert decide(escalated(open_ticket()), cast["frank"]).state == "approved"


def test_signatures_that_are_enough_for_the_step_release_at_once(cast):
    make_policy(requirements={"reviewers": 1, "finance": 1}, steps=[("security", 1, HOUR)])
    cast["alice"].groups.add(cast["frank"].groups.get())
    ticket = decide(decide(open_ticket(), cast["alice"]), cast["bob"])
    assert ticket.is_open
    assert escalated(ticket).state == "approved"


def test_one_rejection_after_the_escalation_still_ends_it(chain, carol):
    assert decide(escalated(open_ticket()), carol, "reject").state == "rejected"


def test_the_chain_is_gone_through_and_ends(chain):
    ticket = escalated(open_ticket(), 2)
    assert (ticket.state, needs(ticket)) == ("pending", {"finance": 2})
    ticket = escalated(ticket)
    assert (ticket.state, ticket.outcome) == ("expired", "timed_out")


def test_a_day_without_a_worker_skips_nobody(chain):
    """Both steps would have passed meanwhile; the next group gets its two hours from now."""
    ticket = overdue(open_ticket(), 86_400)
    assert [deadlines.expire_overdue() for _ in range(3)] == [1, 0, 0]
    ticket.refresh_from_db()
    assert (ticket.escalations, left(ticket) > timedelta(hours=1, minutes=59)) == (1, True)


def test_the_last_step_can_end_in_an_approval_of_low_risk(cast):
    make_policy(risk="low", requirements={"reviewers": 1}, steps=[("security", 1, HOUR)], final_action="approve")
    assert escalated(open_ticket(), 2).outcome == "unopposed"


def test_an_escalation_is_in_the_record_and_has_a_job(chain):
    ticket = escalated(open_ticket())
    facts = json.loads(bytes(AuditEntry.objects.get(type="ticket.escalated").body))["facts"]
    assert (facts["group"], facts["needed"], facts["step"]) == ("security", 1, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'approvals.expire' AND scheduled_at = %s",
            [ticket.deadline_at],
        )
        assert cursor.fetchone()[0] == 1


def test_a_group_that_is_gone_leaves_nobody_to_sign(chain, frank):
    ticket = open_ticket()
    with unguarded():
        chain.delete()
    frank.groups.get().delete()
    assert sign_off.count(escalated(ticket)).outcome is None
    assert escalated(ticket, 2).outcome == "timed_out"


def test_an_edit_after_the_escalation_keeps_its_people(chain, frank, carol):
    ticket = escalated(open_ticket())
    decide(ticket, carol, "edit", args={"amount": 5, "to": "bob"})
    assert decide(ticket, frank).outcome == "edited"


def test_an_edit_never_lets_the_clock_approve(cast):
    soft = {"gate": "soft", "risk": "medium", "on_timeout": "approve"}
    make_policy("Small", position=1, condition="double(args.amount) < 10.0", **soft)
    make_policy("Large", position=2, risk="low", requirements={"reviewers": 2})
    ticket = decide(open_ticket(), cast["alice"], "edit", args={"amount": 5, "to": "bob"})
    assert (ticket.policy_name, ticket.on_timeout) == ("Small", "reject")
    assert escalated(ticket).outcome == "timed_out"


def test_an_answer_that_is_enough_for_the_step_is_the_answer_that_was_given(cast):
    cast["bob"].groups.add(cast["frank"].groups.get())
    make_policy(requirements={"reviewers": 1, "finance": 1}, steps=[("security", 1, 60)])
    ticket = open_ticket(answer_releases=True)
    for who in ("alice", "bob"):
        decide(ticket, cast[who], "respond", message="the blue one")
    assert deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.message) == ("answered", "the blue one") and claim(ticket)
