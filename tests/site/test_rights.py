"""A role that owns nothing can do the application's work, and cannot touch the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from approvals import bulk, freezes, grants, tallies
from approvals.audit import sealing
from approvals.models import AuditEntry, NoticeChannel, Seal, Ticket
from approvals.notices import gathering, sending
from approvals.states import DecisionType
from approvals.webhooks import gathering as webhooks
from tests import factories
from tests.audit import lives

pytestmark = pytest.mark.django_db
ROLE = "countersign_app"


@pytest.fixture
def role(cast: Any) -> str:
    """A role of this test's transaction, with the application's rights."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
    call_command("grant_rights", ROLE)
    return ROLE


@contextmanager
def acting_as(role: str) -> Iterator[Any]:
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        try:
            yield cursor
        finally:
            cursor.execute("RESET ROLE")


def test_that_it_was_given_them_is_on_record(role: str) -> None:
    assert AuditEntry.objects.get(type="rights.granted").facts["role"] == role


def test_the_application_works_under_it(role: str, cast: Any) -> None:
    """From the first sign-in to the last; what it waits for at a commit is asked for at the end."""
    lives.prepare()
    User.objects.filter(username="alice").update(email="alice@example.com")
    NoticeChannel.objects.create(name="Ours", person=cast["alice"], kinds=["opened"])
    with acting_as(role):
        lives.live(cast)
        factories.open_ticket("mail", args={"to": "ana"})
        sealing.seal()
        gathering.gather()
        assert sending.deliver_due()
        webhooks.gather()
        tallies.keep(days=2)
        connection.check_constraints()
        assert Seal.objects.exists()


def test_an_approval_is_remembered_used_and_taken_back_under_it(role: str, cast: Any) -> None:
    factories.make_policy(requirements={"reviewers": 1}, remember_seconds=600, recall_seconds=0)
    with acting_as(role):
        first = factories.decide(factories.open_ticket(requester=cast["dave"]), cast["alice"], remember=True)
        again = factories.open_ticket(requester=cast["dave"])
        assert again.state == "approved" and factories.claim(again)
        assert grants.revoke(first.pk, actor=cast["alice"]) == 1
        connection.check_constraints()


def test_people_are_asked_again_under_it_where_a_signer_left(role: str, cast: Any) -> None:
    factories.make_policy(requirements={"reviewers": 1}, recall_seconds=0)
    with acting_as(role):
        ticket = factories.decide(factories.open_ticket(), cast["alice"])
        cast["alice"].groups.clear()
        assert not factories.claim(ticket) and Ticket.objects.get().state == "pending"
        connection.check_constraints()


def test_many_are_decided_together_and_a_freeze_ends_under_it(role: str, cast: Any) -> None:
    factories.make_policy(risk="medium", requirements={"reviewers": 1})
    with acting_as(role):
        mails = [factories.open_ticket() for _ in range(2)]
        shown = {ticket.pk: ticket.digest for ticket in mails}
        bulk.record(shown, reviewer=cast["alice"], kind=DecisionType.APPROVE, message="", now=mails[0].opened_at)
        freezes.freeze("A drill.")
        freezes.clear(by=cast["admin"], reason="It was one.")
        connection.check_constraints()
        assert {ticket.state for ticket in Ticket.objects.all()} == {"approved"}


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE approvals_auditentry SET actor_name = 'carol'",
        "DELETE FROM approvals_auditentry",
        "TRUNCATE approvals_auditentry CASCADE",
        "ALTER TABLE approvals_auditentry DISABLE TRIGGER ALL",
        "DROP TRIGGER approvals_auditentry_written_once ON approvals_auditentry",
        "SET session_replication_role = replica",
        "INSERT INTO approvals_auditentry (xid) VALUES ('4')",
        "INSERT INTO approvals_auditentry (id) VALUES (4)",
        "UPDATE approvals_decision SET type = 'approve'",
        "DELETE FROM approvals_payload",
        "DELETE FROM approvals_seal",
        "DELETE FROM agents_effect",
        "DELETE FROM django_migrations",
        "DELETE FROM approvals_ticket",
        "UPDATE approvals_ticket SET requester_id = NULL",
        "UPDATE approvals_ticket SET description = ''",
        "UPDATE approvals_ticket SET asked = '{1}'",
        "UPDATE approvals_grant SET expires_at = 'infinity'",
        "UPDATE approvals_token SET scope = 'decide'",
        "UPDATE approvals_remoterequest SET key = ''",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_record_is_not_its_to_change(role: str, order: str) -> None:
    factories.open_ticket()
    with (
        acting_as(role) as cursor,
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        cursor.execute(order)


@pytest.mark.parametrize(("name", "why"), [("nobody_at_all", "There is no role"), (None, "may do all that the owner")])
def test_a_role_that_is_no_use_is_named(name: str | None, why: str) -> None:
    with pytest.raises(CommandError, match=why) as refusal:
        call_command("grant_rights", name or connection.settings_dict["USER"])
    assert refusal.value.returncode == 2
