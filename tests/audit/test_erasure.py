"""A payload can go, and only together with an entry that says so; the chain still verifies."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from approvals.audit import keys, sealing, stored
from approvals.models import AuditEntry, Payload, Ticket
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast: Any) -> Ticket:
    decided = factories.decide(factories.open_ticket("unknown_action"), cast["alice"], message="Ana is ill.")
    factories.open_ticket("unknown_action")
    sealing.seal()
    return decided


def erase(ticket: Ticket, reason: str = "asked for by the person") -> str:
    out = io.StringIO()
    call_command("erase_audit", "--ticket", str(ticket.pk), "--reason", reason, stdout=out)
    return out.getvalue()


def test_an_erased_payload_is_gone_and_the_record_is_whole(ticket: Ticket) -> None:
    assert "Erased the payloads of 3 entries" in erase(ticket)
    report = stored.inspect(keys=keys.known())
    assert (report.first, report.erased) == (None, 3)
    assert not any(b"Ana is ill" in bytes(payload.body) for payload in Payload.objects.all())
    assert all(b"Ana is ill" not in bytes(entry.body) for entry in AuditEntry.objects.all())


def test_no_secret_is_put_on_record(cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action", args={"to": "ana", "password": "hunter2"})
    assert ticket.audit_entries.get().facts["args"] == {"to": "ana", "password": "[redacted]"}


def test_other_tickets_keep_theirs(ticket: Ticket) -> None:
    erase(ticket)
    assert Payload.objects.exclude(entry__ticket=ticket).count() == 1


def test_the_entry_says_what_was_erased_and_why(ticket: Ticket) -> None:
    erase(ticket)
    told = json.loads(bytes(AuditEntry.objects.get(type="payload.erased").body))
    assert told["facts"] == {"erased": [1, 2, 3], "reason": "asked for by the person"}


def test_without_such_an_entry_the_database_refuses(ticket: Ticket) -> None:
    with pytest.raises(DatabaseError, match="only with an entry"), transaction.atomic():
        Payload.objects.all()._raw_delete("default")
        transaction.get_connection().cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_there_is_nothing_to_erase_twice(ticket: Ticket) -> None:
    erase(ticket)
    with pytest.raises(CommandError, match="no payloads"):
        erase(ticket)


def test_the_history_of_an_erased_ticket_is_still_told(ticket: Ticket, client: Any, admin: Any) -> None:
    erase(ticket)
    client.force_login(admin)
    assert client.get(f"/tickets/{ticket.pk}/").status_code == 200
