"""Secrets are hidden wherever people read, stay what runs, and are shown to who may sign, on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from approvals import audit, confirmations, display, forms, masks, tickets
from approvals.errors import InvalidArguments
from approvals.models import AuditEntry, Payload, Ticket, Wordlist
from approvals.states import Execution
from hitl_site import environment
from tests import factories
from tests.api.programs import Program

CANARY = "hunter2-canary"
KEY = "ghp_" + "c4N4ry" * 6
ARGS = {"amount": 250, "to": "bob", "auth": {"password": CANARY, "pin": 4711}, "note": f"with {KEY} please"}


@pytest.fixture
def ticket(transfers: Any, dave: Any) -> Ticket:
    return factories.open_ticket(
        args=ARGS,
        requester=dave,
        reasoning=f"I use {KEY}.",
        description=f'{{"password": "{CANARY}"}}',
        context=[
            {"role": "user", "content": f"Log in with password={CANARY}"},
            {"role": "agent", "content": "", "tool_calls": [{"name": "login", "args": {"password": CANARY}}]},
        ],
    )


def assert_hidden(words: str) -> None:
    assert CANARY not in words
    assert KEY not in words
    assert "4711" not in words


def page_of(client: Client, user: Any, url: str, **headers: str) -> str:
    client.force_login(user)
    return client.get(url, headers=headers).content.decode()


@pytest.mark.parametrize("where", ["", "approve/", "edit/"])
def test_no_page_of_a_ticket_holds_a_secret(client: Client, ticket: Ticket, alice: Any, where: str) -> None:
    page = page_of(client, alice, f"{ticket.get_absolute_url()}{where}")
    assert_hidden(page)
    assert masks.of(CANARY) in page


def test_no_other_page_holds_a_secret(client: Client, ticket: Ticket, alice: Any, admin: Any) -> None:
    factories.decide(ticket, alice, message=f"token={CANARY}")
    entry = AuditEntry.objects.filter(ticket=ticket).first()
    addresses = ["/", "/audit/", f"/audit/{entry.pk}/", f"/audit/?ticket={ticket.pk}", "/audit/record.csv"]
    addresses += [ticket.get_absolute_url(), reverse("admin:approvals_ticket_change", args=[ticket.pk])]
    for address in addresses:
        client.force_login(admin)
        response = client.get(address)
        assert response.status_code == 200, address
        assert_hidden(response.getvalue().decode())


def test_neither_the_record_nor_the_index_of_words_holds_a_secret(
    ticket: Ticket, alice: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.decide(ticket, alice, "edit", args={**ARGS, "amount": 25})
    audit.append("execution.frozen", stream="system/freeze", reason=f"We use {KEY} and password={CANARY}.")
    call_command("export_audit")
    assert_hidden(capsys.readouterr().out)
    assert_hidden(" ".join(bytes(payload.body).decode() for payload in Payload.objects.all()))
    assert "canary" not in str(Wordlist.objects.get(ticket=ticket).words)


def test_a_name_that_is_a_secret_is_in_neither_either(cast: Any) -> None:
    ticket = factories.open_ticket(action=f"use {KEY}", graph=f"agent-{KEY}", args={})
    assert_hidden(str([entry.told for entry in AuditEntry.objects.all()]))
    assert "c4n4ry" not in str(Wordlist.objects.get(ticket=ticket).words)


def test_a_total_that_is_added_up_by_a_secret_does_not_tell_it(client: Client, cast: Any, alice: Any) -> None:
    rule = 'total("args.amount", "args.auth.pin", 24) < 1000.0'
    factories.make_policy(condition=rule, risk="high", requirements={"reviewers": 1})
    page = page_of(client, alice, factories.open_ticket(args=ARGS).get_absolute_url())
    assert "With this, 250.00" in page
    assert_hidden(page)


def test_what_came_of_it_is_shown_without_its_secrets(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    factories.decide(ticket, alice)
    factories.decide(ticket, carol)
    factories.claim(ticket)
    tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result={"api_key": CANARY, "log": KEY})
    page = page_of(client, alice, ticket.get_absolute_url())
    assert "What came of it" in page
    assert_hidden(page)


def test_equal_secrets_have_equal_marks_and_others_have_not() -> None:
    assert masks.of(CANARY) == masks.of(CANARY) != masks.of(CANARY + "!")
    assert masks.of("x" * 1_200).startswith("[secret: 1,200 characters, mark ")


def test_the_mark_of_equal_requests_is_equal_here_and_confirms_no_guess_elsewhere(
    ticket: Ticket, settings: Any
) -> None:
    here = display.same(ticket)
    assert here == display.same(factories.open_ticket(args=ARGS))
    settings.SECRET_KEY = "another installation"
    assert display.same(ticket) != here


def test_an_edit_sends_a_hidden_value_back_unchanged(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    typed = {"args.amount": "25", "args.auth.password": masks.of(CANARY), "args.note": f"with {masks.of(KEY)} now"}
    client.post(f"{ticket.get_absolute_url()}decisions/", {"type": "edit", "digest": ticket.digest, **typed})
    ticket.refresh_from_db()
    assert ticket.args == {**ARGS, "amount": 25, "note": f"with {KEY} now"}


def test_an_edit_as_json_keeps_hidden_values_of_every_type(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    typed = json.dumps(masks.value({**ARGS, "amount": 25}))
    client.post(f"{ticket.get_absolute_url()}decisions/", {"type": "edit", "digest": ticket.digest, "args_json": typed})
    ticket.refresh_from_db()
    assert ticket.args == {**ARGS, "amount": 25}


def test_a_secret_typed_anew_is_kept_and_hidden_in_the_difference(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    typed = {"args.auth.password": "correct-horse", "digest": ticket.digest}
    page = client.post(f"{ticket.get_absolute_url()}edit/", {**typed, "step": "review"}).content.decode()
    assert f"{masks.of('correct-horse')}</ins>" in page
    client.post(f"{ticket.get_absolute_url()}decisions/", {"type": "edit", **typed})
    ticket.refresh_from_db()
    assert ticket.args["auth"] == {"password": "correct-horse", "pin": 4711}


def test_a_mark_that_stands_for_nothing_here_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="type the value itself"):
        masks.restored({"password": masks.of("another")}, of=ARGS)


def test_a_mark_that_an_agent_wrote_itself_stays_the_words_it_is() -> None:
    forged = {"to": str(masks.of("another")), "amount": 1}
    assert masks.restored(masks.value(forged), of=forged) == forged


def test_who_may_decide_sees_hidden_values_and_the_record_says_so(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    response = client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": ticket.digest})
    page = response.content.decode()
    assert CANARY in page and KEY in page and "4711" in page
    assert "no-store" in response.headers["Cache-Control"]
    entry = AuditEntry.objects.get(type="secret.revealed")
    assert entry.actor == alice
    assert {"/auth/password", "/auth/pin", "/note", "/reasoning"} <= set(entry.facts["places"])
    assert "looked at the hidden values" in page_of(client, alice, ticket.get_absolute_url())


def test_nobody_else_sees_them(client: Client, ticket: Ticket, admin: Any, dave: Any) -> None:
    for user in (admin, dave):
        client.force_login(user)
        response = client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": ticket.digest})
        assert response.status_code == 403
        assert_hidden(response.content.decode())
    assert not AuditEntry.objects.filter(type="secret.revealed").exists()


def test_nothing_is_shown_of_another_version_nor_after_the_end(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    assert client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": "0" * 64}).status_code == 409
    factories.decide(ticket, alice, "reject", message="No.")
    response = client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": ticket.digest})
    assert response.status_code == 409
    assert_hidden(response.content.decode())


def test_a_program_of_a_reviewer_reads_marks_and_may_send_them_back(ticket: Ticket, alice: Any) -> None:
    reviewer = Program(alice, "decide")
    shown = reviewer.get(f"tickets/{ticket.pk}").json()
    assert_hidden(json.dumps(shown))
    edited = {"type": "edit", "digest": ticket.digest, "args": {**shown["args"], "amount": 25}}
    assert reviewer.post(f"tickets/{ticket.pk}/decisions", edited).status_code == 200
    ticket.refresh_from_db()
    assert ticket.args == {**ARGS, "amount": 25}


def test_the_agent_that_asked_reads_what_it_runs_with(ticket: Ticket, dave: Any) -> None:
    assert Program(dave, "request").get(f"tickets/{ticket.pk}").json()["args"] == ARGS
    assert_hidden(json.dumps(Program(dave, "read").get(f"tickets/{ticket.pk}").json()))


def test_a_field_that_the_operator_names_is_hidden_too(settings: Any) -> None:
    settings.COUNTERSIGN_SECRET_FIELDS = ["*_code", "iban"]
    assert masks.value({"door_code": "12 34", "doorCode": 7, "iban": "DE02", "to": "bob"}) == {
        "door_code": masks.of("12 34"), "doorCode": masks.of(7), "iban": masks.of("DE02"), "to": "bob",
    }  # fmt: skip


@pytest.mark.parametrize("words", [",", "iban,", "iban,,pin"])
def test_an_empty_name_of_a_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("COUNTERSIGN_SECRET_FIELDS", words)
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_SECRET_FIELDS names ''"):
        environment.globs("COUNTERSIGN_SECRET_FIELDS")


def test_nobody_is_asked_to_type_a_secret(cast: Any) -> None:
    factories.make_policy(requirements={"reviewers": 1}, gate="manual", risk="critical", confirm="{auth.password}")
    ticket = factories.open_ticket(args=ARGS)
    assert ticket.confirm_text == "transfer_money"
    assert "is a secret" in str(ticket.policy)


def test_nobody_is_asked_to_type_what_the_operator_calls_a_secret(settings: Any) -> None:
    settings.COUNTERSIGN_SECRET_FIELDS = ["iban"]
    wanted, why = confirmations.filled("{iban}", action="pay", args={"iban": "DE8937040044"})
    assert wanted == "pay"
    assert "is a secret" in why


def test_a_version_that_cannot_be_shows_nothing_and_says_so(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    response = client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": "\0"})
    assert response.status_code == 409
    assert_hidden(response.content.decode())


def test_no_schema_tells_a_secret_on_a_page_or_over_the_api(client: Client, transfers: Any, alice: Any) -> None:
    told = {"title": f"T {KEY}", "description": f"D {KEY}", "enum": ["x", KEY], "default": KEY, "examples": [KEY]}
    password = {"type": "string", "enum": [CANARY, "x"], "default": CANARY, "examples": [CANARY]}
    schema = {"type": "object", "properties": {"note": told, "password": password}}
    ticket = factories.open_ticket(args={"note": "x", "password": "x"}, args_schema=schema)
    assert_hidden(page_of(client, alice, ticket.get_absolute_url()))
    shown = Program(alice, "decide").get(f"tickets/{ticket.pk}").json()["args_schema"]
    assert_hidden(json.dumps(shown))
    assert shown["properties"]["password"] == {"type": "string"}
    assert shown["properties"]["note"]["title"] == f"T {masks.of(KEY)}"


def test_a_choice_that_is_a_secret_can_be_taken_by_its_mark() -> None:
    schema = {"type": "object", "properties": {"note": {"enum": ["x", KEY]}}}
    assert forms.ArgumentsForm({"note": "x"}, schema, data={"args.note": "1"}).args == {"note": KEY}
