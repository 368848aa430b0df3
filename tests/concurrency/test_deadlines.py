"""A deadline against people, and two sweeps against each other: real threads, one row lock."""

from __future__ import annotations

import pytest

from approvals import audit, claims, deadlines, extensions, sign_off
from approvals.errors import ApprovalError
from approvals.models import AuditEntry, Claim, Ticket
from tests.concurrency.test_races import at_once, resume_jobs, vote
from tests.factories import decide, make_policy, open_ticket, overdue

pytestmark = pytest.mark.django_db(transaction=True)


def chain(**fields):
    return make_policy(
        requirements={"finance": 1, "reviewers": 1}, steps=[("security", 1, 3600), ("finance", 1, 3600)], **fields
    )


def counted(ticket, *types):
    return AuditEntry.objects.filter(ticket=ticket, type__in=types).count()


def ends(ticket):
    return counted(ticket, "ticket.approved", "ticket.rejected", "ticket.expired")


def is_sound(ticket):
    return audit.verify_stream(f"ticket/{ticket.pk}") is None


@pytest.mark.parametrize("trial", range(5))
def test_four_sweeps_at_once_keep_each_deadline_once(cast, trial):
    chain()
    tickets = [overdue(open_ticket(), 60 + n) for n in range(6)]
    at_once(*[deadlines.expire_overdue] * 4)
    assert [counted(ticket, "ticket.escalated") for ticket in tickets] == [1] * 6
    assert all(map(is_sound, tickets))


@pytest.mark.parametrize("trial", range(10))
def test_the_last_vote_and_the_last_deadline_end_it_once(alice, trial):
    """Whoever takes the lock first decides; the other finds it closed, or is told that it is too late."""
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    shown = Ticket.objects.get(pk=ticket.pk)
    voted, *_ = at_once(
        vote(shown, alice), lambda: overdue(ticket) and deadlines.expire(ticket.pk), deadlines.expire_overdue
    )
    deadlines.expire_overdue()
    ticket.refresh_from_db()
    assert (ends(ticket), resume_jobs()) == (1, 1)
    assert (ticket.state == "approved") == (not isinstance(voted, ApprovalError))


@pytest.mark.parametrize("trial", range(10))
def test_an_escalation_and_an_edit_at_once_lose_neither(alice, carol, frank, trial):
    chain()
    ticket = open_ticket()
    edit = vote(Ticket.objects.get(pk=ticket.pk), alice, "edit", args={"amount": 5, "to": "bob"})
    edited, *_ = at_once(edit, lambda: overdue(ticket) and deadlines.expire(ticket.pk))
    deadlines.expire_overdue()
    ticket.refresh_from_db()
    assert (ticket.escalations, ticket.is_open, is_sound(ticket)) == (1, True, True)
    assert ticket.revision == (1 if isinstance(edited, ApprovalError) else 2)
    assert sign_off.count(ticket).outcome is None
    decide(ticket, frank)
    ticket.refresh_from_db()
    assert ticket.is_open == isinstance(edited, ApprovalError)


@pytest.mark.parametrize("trial", range(10))
def test_an_extension_and_the_deadline_at_once_do_not_both_win(alice, trial):
    make_policy(requirements={"reviewers": 1}, may_extend_seconds=3600)
    ticket = open_ticket()
    moved, expired = at_once(
        lambda: extensions.extend(ticket.pk, person=alice), lambda: overdue(ticket) and deadlines.expire(ticket.pk)
    )
    ticket.refresh_from_db()
    assert expired == (ticket.state == "expired")
    assert counted(ticket, "deadline.extended") == ticket.extensions == (not isinstance(moved, ApprovalError))


def test_eight_claims_at_once_are_one(cast):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    people = [cast["alice"], cast["bob"]] * 4
    at_once(*[lambda person=person: claims.take(ticket.pk, person=person) for person in people])
    assert (Claim.objects.count(), counted(ticket, "claim.taken", "claim.broken", "claim.renewed")) == (1, 1)
