"""Many people at once, on real threads and a real Postgres."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from approvals import deadlines, decisions, drafts, grants, intake, tickets
from approvals.contract import NewDecision, Origin
from approvals.errors import ApprovalError, TooLate
from approvals.models import AuditEntry, Decision, Ticket
from tests.factories import claim, make_policy, open_ticket, overdue, propose

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts):
    """Run all the acts from one starting line; what each returned or was refused with."""
    line = threading.Barrier(len(acts))

    def run(act):
        line.wait()
        try:
            return act()
        except ApprovalError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def vote(ticket, reviewer, type="approve", **fields):
    decision = NewDecision(type=type, digest=ticket.digest, **fields)
    return lambda: decisions.record(ticket.pk, reviewer=reviewer, decision=decision)


def resume_jobs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'agents.resume'")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("trial", range(15))
def test_the_last_two_signatures_at_once_release_exactly_once(transfers, alice, carol, trial):
    ticket = open_ticket()
    at_once(vote(ticket, alice), vote(ticket, carol))
    ticket.refresh_from_db()
    assert (ticket.state, resume_jobs()) == ("approved", 1)
    assert AuditEntry.objects.filter(ticket=ticket, type="ticket.approved").count() == 1


@pytest.mark.parametrize("trial", range(10))
def test_approval_and_rejection_at_once_end_in_one_of_the_two(alice, bob, trial):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    answers = at_once(vote(ticket, alice), vote(ticket, bob, "reject"))
    assert sum(isinstance(answer, ApprovalError) for answer in answers) == 1
    assert resume_jobs() == 1


@pytest.mark.parametrize("trial", range(10))
def test_one_person_clicking_four_times_is_one_decision(transfers, alice, trial):
    ticket = open_ticket()
    at_once(*[vote(ticket, alice)] * 4)
    assert Decision.objects.filter(ticket=ticket).count() == 1


@pytest.mark.parametrize("trial", range(10))
def test_an_edit_and_the_last_vote_at_once_never_release_the_unseen(alice, bob, carol, trial):
    make_policy(requirements={"reviewers": 1, "finance": 1})
    ticket = open_ticket()
    at_once(
        vote(ticket, alice),
        vote(ticket, bob),
        vote(ticket, carol, "edit", args={"amount": 9999, "to": "eve"}),
    )
    ticket.refresh_from_db()
    assert {d.revision for d in ticket.decisions.all()} <= {1, 2}
    if ticket.state == "approved":
        signed = ticket.decisions.filter(revision=ticket.revision)
        assert all(d.digest == ticket.digest for d in signed)
        assert signed.count() == 2


@pytest.mark.parametrize("trial", range(10))
def test_expiry_and_the_last_vote_never_both_win(alice, trial):
    make_policy(requirements={"reviewers": 1}, deadline_seconds=1)
    ticket = open_ticket()
    overdue(ticket, seconds=-0.03)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.028)")
    at_once(vote(ticket, alice), lambda: deadlines.expire(ticket.pk))
    deadlines.expire(ticket.pk)
    resolved = AuditEntry.objects.filter(ticket=ticket, type__in=["ticket.approved", "ticket.expired"])
    assert resolved.count() <= 1


@pytest.mark.parametrize("trial", range(10))
def test_what_was_taken_back_before_the_claim_is_not_delivered(cast, alice, bob, dave, trial):
    make_policy(requirements={"reviewers": 1}, remember_seconds=60)
    first = open_ticket(requester=dave)
    vote(first, alice, remember=True)()
    again = open_ticket(requester=dave)
    at_once(lambda: claim(again), lambda: grants.revoke(first.pk, actor=bob))
    revoked = AuditEntry.objects.get(type="grant.revoked")
    told = AuditEntry.objects.filter(ticket=again, type="ticket.delivered").values_list("pk", flat=True)
    assert all(pk < revoked.pk for pk in told)
    again.refresh_from_db()
    assert (again.state, again.delivered_at is None) == (("approved", False) if told else ("pending", True))


def policy_form(policy, **changes):
    """The form of a stored policy, drawn with the version that stands."""
    requirement = policy.requirements.get()
    values = {key: getattr(policy, key) for key in drafts.KEYS} | {"seen": policy.version} | changes
    return {key: value for key, value in values.items() if value is not None and value is not False} | {
        "steps-TOTAL_FORMS": 0,
        "steps-INITIAL_FORMS": 0,
        "requirements-TOTAL_FORMS": 1,
        "requirements-INITIAL_FORMS": 1,
        "requirements-0-id": requirement.pk,
        "requirements-0-policy": policy.pk,
        "requirements-0-group": requirement.group_id,
        "requirements-0-needed": requirement.needed,
    }


@pytest.mark.parametrize("trial", range(4))
def test_of_two_forms_of_one_policy_sent_at_once_the_second_is_refused(cast, admin, trial):
    policy = make_policy(requirements={"reviewers": 1})
    desks = [Client(), Client()]
    for desk in desks:
        desk.force_login(admin)
    path = reverse("admin:approvals_policy_change", args=[policy.pk])
    stricter, laxer = policy_form(policy, risk="high"), policy_form(policy, risk="low")
    answers = at_once(lambda: desks[0].post(path, stricter), lambda: desks[1].post(path, laxer))
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    refused = next(answer for answer in answers if answer.status_code == 200)
    assert "Somebody has changed this policy" in refused.content.decode()
    policy.refresh_from_db()
    assert policy.version == 2


def test_one_interrupt_taken_in_twice_at_once_is_one_ticket():
    origin = Origin(graph="operations", thread_id="t", interrupt_id="f" * 32)
    at_once(*[lambda: intake.open_tickets([propose()], origin=origin)] * 6)
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("trial", range(15))
def test_of_recall_and_claim_at_once_exactly_one_wins(alice, trial):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    vote(ticket, alice)()
    claimed, recalled = at_once(lambda: claim(ticket), lambda: tickets.recall(ticket.pk, actor=alice))
    ticket.refresh_from_db()
    assert claimed is isinstance(recalled, TooLate)
    assert (ticket.state, ticket.delivered_at is not None) == (("approved", True) if claimed else ("pending", False))


@pytest.mark.parametrize("trial", range(10))
def test_of_four_recalls_at_once_one_is_taken(alice, bob, trial):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    vote(ticket, alice)()
    answers = at_once(*[lambda who=who: tickets.recall(ticket.pk, actor=who) for who in (alice, bob) * 2])
    assert sum(isinstance(answer, Ticket) for answer in answers) == 1
    assert AuditEntry.objects.filter(type="ticket.recalled").count() == 1


@pytest.mark.parametrize("trial", range(10))
def test_what_was_taken_back_lets_nothing_run_afterwards(cast, alice, bob, dave, trial):
    make_policy(requirements={"reviewers": 1}, remember_seconds=60)
    first = open_ticket(requester=dave)
    decisions.record(first.pk, reviewer=alice, decision=NewDecision(type="approve", digest=first.digest, remember=True))
    at_once(lambda: open_ticket(requester=dave), lambda: grants.revoke(first.pk, actor=bob))
    revoked = AuditEntry.objects.get(type="grant.revoked")
    assert not AuditEntry.objects.filter(type="grant.used", pk__gt=revoked.pk).exists()
    assert open_ticket(requester=dave).state == "pending"
