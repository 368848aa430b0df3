"""What was typed and not sent is kept for whoever typed it, until they decide or the ticket is closed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from approvals import tickets, unsent
from approvals.models import AuditEntry, Ticket, Unsent
from tests import factories


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket(args_schema=factories.TRANSFER_SCHEMA)


def typed(client: Client, ticket: Ticket, user: Any, kind: str = "reject", **posted: str) -> int:
    client.force_login(user)
    data = {"type": kind, "digest": ticket.digest} | posted
    return client.post(f"{ticket.get_absolute_url()}draft/", data).status_code


def page_of(client: Client, ticket: Ticket, user: Any, path: str = "") -> str:
    client.force_login(user)
    return client.get(f"{ticket.get_absolute_url()}{path}").content.decode()


@pytest.mark.parametrize("kind", ["reject", "respond", "approve"])
def test_half_a_reason_is_there_again_after_signing_in_anew_and_for_nobody_else(
    client: Client, ticket: Ticket, alice: Any, carol: Any, kind: str
) -> None:
    assert typed(client, ticket, alice, kind, message="Because the acc") == 204
    client.logout()
    path = "approve/" if kind == "approve" else ""
    assert "Because the acc" in page_of(client, ticket, alice, path)
    assert "Because the acc" not in page_of(client, ticket, carol, path)


@pytest.mark.parametrize("path", ["", "edit/"])
def test_half_an_edit_is_there_again(client: Client, ticket: Ticket, alice: Any, path: str) -> None:
    typed(client, ticket, alice, "edit", **{"args.amount": "25x", "message": "A typo"})
    page = page_of(client, ticket, alice, path)
    assert 'value="25x"' in page
    assert "A typo" in page


def test_an_edit_that_was_begun_before_a_colleague_s_is_laid_over_it(
    client: Client, ticket: Ticket, alice: Any, carol: Any
) -> None:
    typed(client, ticket, alice, "edit", **{"args.amount": "25", "args.to": "bob"})
    factories.decide(ticket, carol, "edit", args={"amount": 250, "to": "erin"})
    form = client.get(ticket.get_absolute_url()).context["arguments"]
    assert form.args == {"amount": 25, "to": "erin"}


@pytest.mark.parametrize("path", ["", "edit/"])
def test_json_that_was_begun_before_a_colleague_s_edit_stays_as_it_was_and_says_what_it_would_change(
    client: Client, ticket: Ticket, alice: Any, carol: Any, path: str
) -> None:
    written = '{"amount": 25, "to": "bob"}'
    typed(client, ticket, alice, "edit", args_json=written)
    factories.decide(ticket, carol, "edit", args={"amount": 250, "to": "erin"})
    page = page_of(client, ticket, alice, path)
    form = client.get(f"{ticket.get_absolute_url()}{path}").context["arguments"]
    assert "You began this on version 1, and version 2 has come since." in page
    assert form.json_text == written and Unsent.objects.get().posted["args_json"] == written
    changes = [(change.path, change.before, change.after) for change in form.would_change]
    assert sorted(changes) == [("/amount", "250", "25"), ("/to", "erin", "bob")]


def test_half_a_line_of_json_on_an_older_version_is_there_too(
    client: Client, ticket: Ticket, alice: Any, carol: Any
) -> None:
    typed(client, ticket, alice, "edit", args_json='{"amount": 25, "t')
    factories.decide(ticket, carol, "edit", args={"amount": 250, "to": "erin"})
    page = page_of(client, ticket, alice)
    assert "You began this on version 1" in page and "Of the newer version" not in page
    assert "{&quot;amount&quot;: 25, &quot;t</textarea>" in page


def test_json_on_the_newest_version_is_not_marked(client: Client, ticket: Ticket, alice: Any) -> None:
    typed(client, ticket, alice, "edit", args_json='{"amount": 25, "to": "bob"}')
    assert "You began this on version" not in page_of(client, ticket, alice)


def test_a_step_of_the_form_is_kept_without_a_script_and_undone_with_it(
    client: Client, ticket: Ticket, alice: Any
) -> None:
    client.force_login(alice)
    sent = {"type": "edit", "digest": ticket.digest, "args.amount": "25", "args.to": "bob"}
    client.post(f"{ticket.get_absolute_url()}edit/", sent | {"step": "review"})
    assert Unsent.objects.get().posted["args.amount"] == "25"
    client.post(f"{ticket.get_absolute_url()}edit/", sent | {"step": "reset args"})
    assert not Unsent.objects.exists()


def test_proof_of_care_is_not_kept(client: Client, ticket: Ticket, alice: Any) -> None:
    care = {"confirm": "bob", "checked": "on", "seen": "a note", "remember": "on"}
    typed(client, ticket, alice, "approve", message="Fine", **care)
    assert Unsent.objects.get().posted == {"message": "Fine"}


def test_what_was_wiped_out_is_forgotten(client: Client, ticket: Ticket, alice: Any) -> None:
    typed(client, ticket, alice, message="Because")
    typed(client, ticket, alice, message=" ")
    assert not Unsent.objects.exists()


def test_my_decision_erases_mine_and_the_end_of_the_ticket_everybody_s(
    client: Client, ticket: Ticket, alice: Any, bob: Any, carol: Any
) -> None:
    for person in (alice, bob):
        typed(client, ticket, person, message="Because")
    factories.decide(ticket, alice)
    assert [each.person for each in Unsent.objects.all()] == [bob]
    factories.decide(ticket, carol)
    assert not Unsent.objects.exists()


def test_whoever_closes_it_it_is_erased(client: Client, ticket: Ticket, alice: Any) -> None:
    typed(client, ticket, alice, message="Because")
    tickets.cancel(ticket.pk, reason="The agent has stopped.")
    assert not Unsent.objects.exists()


def test_what_is_typed_is_no_fact_of_the_record(client: Client, ticket: Ticket, alice: Any) -> None:
    entries = AuditEntry.objects.filter(ticket=ticket).count()
    typed(client, ticket, alice, message="Because")
    assert AuditEntry.objects.filter(ticket=ticket).count() == entries


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"type": "shrug"}, 422),
        ({"digest": "0" * 64}, 409),
        ({"message": "x" * (unsent.MOST + 1)}, 413),
        ({"type": ""}, 422),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    client: Client, ticket: Ticket, alice: Any, changed: dict[str, str], status: int
) -> None:
    client.force_login(alice)
    data = {"type": "reject", "digest": ticket.digest, "message": "Because"} | changed
    answer = client.post(f"{ticket.get_absolute_url()}draft/", data)
    assert (answer.status_code, answer.content, Unsent.objects.count()) == (status, b"", 0)


@pytest.mark.parametrize("posted", [{"message": "a\0"}, {"args.\0": "1"}, {"digest": "\0"}, {"args.to": "\0"}])
def test_what_no_database_can_keep_is_refused_and_changes_nothing(
    client: Client, ticket: Ticket, alice: Any, posted: Any
) -> None:
    assert typed(client, ticket, alice, "edit", **{"args.amount": "25"}) == 204
    assert typed(client, ticket, alice, "edit", **posted) == 422
    assert Unsent.objects.get().posted == {"args.amount": "25"}


def test_who_has_decided_may_not_decide_or_see_it_keeps_nothing(
    client: Client, ticket: Ticket, alice: Any, frank: Any, admin: Any
) -> None:
    factories.decide(ticket, alice)
    assert [typed(client, ticket, user, message="Hm") for user in (alice, admin, frank)] == [409, 403, 404]
    assert not Unsent.objects.exists()


def test_the_database_knows_the_kinds_and_keeps_one_of_each(ticket: Ticket, alice: Any) -> None:
    unsent.keep(ticket.pk, person=alice, kind="reject", digest=ticket.digest, posted={"message": "Because"})
    with pytest.raises(IntegrityError, match="unsent_kind_known"), connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_unsent SET kind = 'shrug'")
