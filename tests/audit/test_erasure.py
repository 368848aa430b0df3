"""A payload can go, and only together with an entry that says so; the chain still verifies."""

from __future__ import annotations

import io
import json
from importlib import import_module
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from approvals import bulk, clock, tickets
from approvals.audit import keys, sealing, stored
from approvals.models import AuditEntry, Batch, Decision, KeyedRequest, Payload, Revision, Ticket, Wordlist
from approvals.states import DecisionType, Execution
from tests import factories

pytestmark = pytest.mark.django_db

SAID = {"role": "user", "content": "Write to Ana"}


@pytest.fixture
def ticket(cast: Any) -> Ticket:
    """Approved with a change and carried out; another one waits."""
    opened = factories.open_ticket("unknown_action", args={"to": "Ana"}, reasoning="Ana asked.", context=[SAID])
    decided = factories.decide(opened, cast["alice"], message="Ana is ill.")
    factories.claim(decided)
    tickets.record_execution(decided.pk, execution=Execution.SUCCEEDED, result={"told": "Ana"})
    factories.open_ticket("unknown_action")
    sealing.seal()
    decided.refresh_from_db()
    return decided


def erase(ticket: Ticket, reason: str = "asked for by the person") -> str:
    out = io.StringIO()
    call_command("erase_audit", "--ticket", str(ticket.pk), "--reason", reason, stdout=out)
    return out.getvalue()


def test_an_erased_payload_is_gone_and_the_record_is_whole(ticket: Ticket) -> None:
    assert f"Erased what ticket {ticket.pk} said, and 3 entries of the record about it." in erase(ticket)
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
    assert told["facts"] == {"erased": [1, 2, 3], "reason": "asked for by the person", "ticket_too": True}


def test_without_such_an_entry_the_database_refuses(ticket: Ticket) -> None:
    with pytest.raises(DatabaseError, match="only with an entry"), transaction.atomic():
        Payload.objects.all()._raw_delete("default")
        transaction.get_connection().cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_there_is_nothing_to_erase_twice(ticket: Ticket) -> None:
    erase(ticket)
    with pytest.raises(CommandError, match="nothing to erase"):
        erase(ticket)


def test_the_history_of_an_erased_ticket_is_still_told(ticket: Ticket, client: Any, admin: Any) -> None:
    erase(ticket)
    client.force_login(admin)
    assert client.get(f"/tickets/{ticket.pk}/").status_code == 200
    assert "Ana" not in client.get(f"/tickets/{ticket.pk}/").content.decode()


def test_the_ticket_itself_says_no_more_either(ticket: Ticket) -> None:
    erase(ticket)
    rows = [Ticket.objects.filter(pk=ticket.pk), Revision.objects.filter(ticket=ticket), ticket.decisions.all()]
    assert "Ana" not in str([list(found.values()) for found in rows])
    assert not Wordlist.objects.filter(ticket=ticket).exists()
    assert (ticket.decisions.get().type, ticket.decisions.get().reviewer.username) == ("approve", "alice")


def test_no_mark_of_what_was_said_is_kept_with_its_key(ticket: Ticket, cast: Any) -> None:
    KeyedRequest.objects.create(user=cast["alice"], key="k", ticket=ticket, digest="0" * 64)
    erase(ticket)
    assert not KeyedRequest.objects.exists()


def test_the_page_says_what_was_erased_why_and_by_whom(ticket: Ticket, client: Any, admin: Any) -> None:
    call_command("erase_audit", "--ticket", str(ticket.pk), "--reason", "asked for", "--by", "admin")
    client.force_login(admin)
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    assert "were erased by admin" in page
    assert "asked for</span>" in page


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda cast: factories.open_ticket("unknown_action"), "waits for people"),
        (lambda cast: factories.decide(factories.open_ticket("unknown_action"), cast["alice"]), "was not told yet"),
    ],
)
def test_what_is_not_over_is_not_erased(cast: Any, make: Any, why: str) -> None:
    ticket = make(cast)
    with pytest.raises(CommandError, match=why):
        erase(ticket)
    assert Payload.objects.filter(entry__ticket=ticket).exists()
    ticket.refresh_from_db()
    assert ticket.args


def test_nor_is_what_nobody_knows_the_end_of(ticket: Ticket) -> None:
    factories.force([ticket], execution=Execution.STARTED)
    with pytest.raises(CommandError, match="not known yet"):
        erase(ticket)


@pytest.mark.parametrize(
    "change",
    [
        lambda ticket: Ticket.objects.filter(pk=ticket.pk).update(reasoning="It never said that."),
        lambda ticket: Ticket.objects.filter(pk=ticket.pk).update(erased_at="2026-01-01T00:00Z", reasoning=""),
        lambda ticket: Revision.objects.filter(ticket=ticket).update(args={}),
        lambda ticket: Revision.objects.filter(ticket=ticket).update(args={"to": "Bob"}),
        lambda ticket: Decision.objects.filter(ticket=ticket).update(message=""),
        lambda ticket: Decision.objects.filter(ticket=ticket).update(message="I never said that."),
    ],
)
def test_the_database_refuses_to_erase_without_an_entry_and_to_say_something_else(ticket: Ticket, change: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        change(ticket)
        transaction.get_connection().cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_no_list_of_what_was_refused_together_names_an_erased_ticket(cast: Any) -> None:
    factories.make_policy(action="greet", risk="medium", requirements={"reviewers": 1})
    ticket = factories.open_ticket("greet", args={"to": "Ana"}, interrupt_id="")
    said = {"reviewer": cast["alice"], "kind": DecisionType.APPROVE, "message": "", "now": clock.now()}
    batch = bulk.record({ticket.pk: "0" * 64}, **said)
    assert list(batch.refused) == [str(ticket.pk)]
    factories.decide(ticket, cast["alice"], "reject", message="No.")
    erase(ticket)
    assert Batch.objects.get().refused == {}


def test_the_sentence_of_a_ticket_that_was_erased_before_goes_too(ticket: Ticket, cast: Any) -> None:
    erase(ticket)
    waiting = Ticket.objects.pending().get()
    said = {str(ticket.pk): "Type “Ana” to confirm.", str(waiting.pk): "Its arguments were edited."}
    old, other = (Batch.objects.create(reviewer=cast["alice"], type="approve", refused=told) for told in (said, {}))
    [step] = import_module("approvals.migrations.0049_refusals_erased").Migration.operations
    with connection.cursor() as cursor:
        cursor.execute(step.sql)
    old.refresh_from_db()
    other.refresh_from_db()
    assert (old.refused, other.refused) == ({str(waiting.pk): "Its arguments were edited."}, {})
