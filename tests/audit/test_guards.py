"""What the database refuses, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from approvals import audit, grants, tickets, tokens
from approvals.audit import sealing
from approvals.models import Grant, Ticket
from approvals.states import Scope, TicketState
from tests import factories

pytestmark = pytest.mark.django_db

STREAM = "system/drill"


@pytest.mark.parametrize("table", ["auditentry", "payload", "leaf", "seal"])
@pytest.mark.parametrize("order", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_changes_to_the_record(table: str, order: str) -> None:
    column = {"auditentry": "type", "payload": "salt", "leaf": "number", "seal": "note"}[table]
    with transaction.atomic():
        audit.append("drill", stream=STREAM, message="Hello")
    sealing.seal()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(order.format(f"approvals_{table}", column, column))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is asked at the commit is asked here


CHANGES = [
    "UPDATE approvals_ticket SET state = 'cancelled', outcome = 'cancelled', resolved_at = now()",
    "UPDATE approvals_ticket SET execution = 'succeeded'",
    "UPDATE approvals_ticket SET digest = repeat('0', 64)",
    "UPDATE approvals_ticket SET message = 'It was fine.', result = '1'",
    "UPDATE approvals_wordlist SET words = ''",
    "INSERT INTO approvals_revision (ticket_id, number, args, digest, created_at)"
    " SELECT id, 2, '{}', digest, now() FROM approvals_ticket",
    "INSERT INTO approvals_decision (ticket_id, revision, reviewer_id, type, message, digest, at)"
    " SELECT ticket.id, 1, person.id, 'approve', '', digest, now() FROM approvals_ticket AS ticket, auth_user AS person"
    " WHERE person.username = 'alice'",
]


GOVERNING = [
    "UPDATE approvals_policy SET deny_threshold = 9",
    "DELETE FROM approvals_requirement",
    "UPDATE approvals_token SET revoked_at = NULL",
    "INSERT INTO approvals_token (user_id, name, prefix, digest, scope, created_at, expires_at)"
    " SELECT user_id, name, prefix, 'other', 'decide', created_at, expires_at FROM approvals_token",
]


@pytest.mark.parametrize("change", GOVERNING)
def test_policies_and_tokens_do_not_change_without_their_entry(change: str, cast: Any) -> None:
    factories.make_policy(requirements={"reviewers": 1})
    token, _ = tokens.create(cast["dave"], scope=Scope.READ, actor=cast["dave"])
    tokens.revoke(token.pk, actor=cast["dave"])
    connection.check_constraints()
    with pytest.raises(IntegrityError, match="without an entry"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(change)
        connection.check_constraints()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_happens_to_a_ticket_without_its_entry(change: str, cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    with pytest.raises(DatabaseError, match="record"), connection.cursor() as cursor:
        cursor.execute(change)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.execution, ticket.revisions.count(), ticket.decisions.count()) == (
        "pending",
        "not_started",
        1,
        0,
    )


TERMS = [
    "risk = 'low'",
    "gate = 'soft'",
    "policy_name = 'Another'",
    "policy_version = 9",
    "policy = policy || '{\"bar_editor\": true}'",
    "bar_requester = NOT bar_requester",
    "deny_threshold = 9",
    "requester_id = (SELECT id FROM auth_user WHERE username = 'alice')",
    "action = 'read'",
    "confirm_text = 'y'",
    "allowed_decisions = '[]'",
    "deadline_at = deadline_at + interval '1 year'",
    "on_timeout = 'approve'",
    "recall_seconds = 0",
    "least_signers = 9",
    "escalations = 9",
    "answer_releases = true",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", TERMS)
def test_the_terms_of_a_ticket_stay_without_an_entry(change: str, cast: Any, transfers: Any) -> None:
    ticket = factories.open_ticket(requester=cast["dave"])
    before = Ticket.objects.filter(pk=ticket.pk).values().get()
    order = f"UPDATE approvals_ticket SET {change} WHERE id = %s"
    with pytest.raises(IntegrityError, match="terms of ticket"), connection.cursor() as cursor:
        cursor.execute(order, [ticket.pk])
    assert Ticket.objects.filter(pk=ticket.pk).values().get() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE approvals_ticketrequirement SET needed = 0",
        "UPDATE approvals_ticketrequirement SET needed = 1",
        "UPDATE approvals_ticketrequirement SET group_id = (SELECT id FROM auth_group WHERE name = 'security')",
        "DELETE FROM approvals_ticketrequirement",
    ],
)
def test_who_signs_a_ticket_stays_without_an_entry(change: str, cast: Any) -> None:
    factories.make_policy(requirements={"reviewers": 2})
    ticket = factories.open_ticket()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(change)
    assert list(ticket.requirements.values_list("group__name", "needed")) == [("reviewers", 2)]


def test_an_entry_of_something_else_lets_nobody_off_signing(cast: Any) -> None:
    ticket = factories.open_ticket()
    audit.append("drill", ticket=tickets.lock(ticket.pk)[0])
    with pytest.raises(IntegrityError, match="who signs"), transaction.atomic():
        ticket.requirements.update(needed=0)
        connection.check_constraints()


@pytest.mark.parametrize("wrong", [{"digest": "0" * 64}, {"revision": 2}])
def test_a_decision_is_about_a_revision_that_there_is(alice: Any, wrong: dict[str, Any]) -> None:
    ticket = factories.open_ticket()
    facts = {"revision": 1, "digest": ticket.digest} | wrong
    with pytest.raises(IntegrityError, match="a revision of its ticket"), transaction.atomic():
        ticket.decisions.create(reviewer=alice, type="reject", **facts)


def test_a_decision_is_not_about_the_revision_of_another_ticket(alice: Any) -> None:
    ticket, other = factories.open_ticket(), factories.open_ticket(args={"amount": 1, "to": "erin"})
    with pytest.raises(IntegrityError, match="a revision of its ticket"), transaction.atomic():
        ticket.decisions.create(reviewer=alice, type="reject", revision=1, digest=other.digest)


@pytest.mark.parametrize("type", ["approve", "edit"])
def test_nobody_signs_their_own_request_where_that_is_barred(alice: Any, type: str) -> None:
    ticket = factories.open_ticket(requester=alice)
    with pytest.raises(IntegrityError, match="does not sign it"), transaction.atomic():
        ticket.decisions.create(reviewer=alice, type=type, revision=1, digest=ticket.digest)


@pytest.fixture
def grant(alice: Any, dave: Any) -> Grant:
    factories.make_policy(requirements={"reviewers": 1}, remember_seconds=3600)
    return factories.decide(factories.open_ticket(requester=dave), alice, remember=True).grants.get()


REVOKED = {"revoked_at": Now(), "revoked_by": F("granted_by")}


@pytest.mark.parametrize("change", [{"expires_at": "2999-01-01T00:00Z"}, {"digest": "0" * 64}, {"policy_version": 9}])
def test_what_a_grant_allows_never_changes(grant: Grant, change: dict[str, Any]) -> None:
    for fields in (change, REVOKED | change):
        with pytest.raises(DatabaseError, match="nothing else of it changes"), transaction.atomic():
            Grant.objects.update(**fields)


def test_a_grant_is_never_deleted(grant: Grant) -> None:
    for order in ("DELETE FROM approvals_grant", "TRUNCATE approvals_grant CASCADE"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(order)
    assert Grant.objects.get() == grant


def test_a_grant_that_was_taken_back_stays_so(grant: Grant, bob: Any) -> None:
    grants.revoke(grant.ticket_id, actor=bob)
    for change in ({"revoked_at": None, "revoked_by": None}, {"revoked_at": Now()}):
        with pytest.raises(DatabaseError, match="revoked once"), transaction.atomic():
            Grant.objects.update(**change)


def test_a_grant_ends_with_its_entry(grant: Grant) -> None:
    with pytest.raises(IntegrityError, match="without its entry"), transaction.atomic():
        Grant.objects.update(**REVOKED)
        connection.check_constraints()


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_shows_the_ticket_as_it_was_is_not_enough(cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    with pytest.raises(IntegrityError, match="an entry in the record that shows it"), transaction.atomic():
        held, now = tickets.lock(ticket.pk)
        audit.append("drill", ticket=held)
        tickets._move(held, TicketState.CANCELLED, outcome="cancelled", resolved_at=now)
