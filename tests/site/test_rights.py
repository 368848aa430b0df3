"""A role that owns nothing can do the application's work, and cannot touch the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from approvals.audit import sealing
from approvals.models import AuditEntry, Seal, Ticket
from tests import factories

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
    factories.make_policy(requirements={"reviewers": 2})
    with acting_as(role):
        ticket = factories.open_ticket()
        factories.decide(ticket, cast["alice"], "edit", args={"amount": 1, "to": "bob"})
        factories.decide(ticket, cast["bob"])
        assert factories.claim(ticket) is not None
        sealing.seal()
        connection.check_constraints()
        assert Seal.objects.exists() and Ticket.objects.get().revision == 2


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
