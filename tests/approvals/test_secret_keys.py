"""A secret that is the name of an argument is hidden as well as one that is its value, and none is lost by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import differences, display, fields, masks, redaction
from approvals.errors import InvalidArguments
from approvals.models import AuditEntry, Notice, Payload, Ticket, Wordlist
from approvals.notices import words as words_of_notices
from tests import factories
from tests.api.programs import Program

KEY, OTHER = "sk_live_" + "c4N4ry" * 4, "ghp_" + "c4N4ry" * 6
SECRETS = (KEY, OTHER, "AKIA" + "CANARY" * 2 + "4444")
ARGS = {"headers": {KEY: 1, OTHER: 2}, KEY: "x", "to": "bob"}

told = st.sampled_from(SECRETS)
words = st.one_of(
    told,
    st.builds("use {} now".format, told),
    st.builds(lambda secret: str(masks.of(secret)), told),
    st.sampled_from(["to", "[redacted]", "[redacted] 2", "password", "a/b~c", "note", ""]),
)
scalars = st.one_of(words, st.integers(0, 9), st.booleans(), st.none())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(words, values, max_size=4)


def assert_hidden(said: str) -> None:
    assert "canary" not in said.casefold()


@settings(deadline=None, database=None)
@given(objects)
def test_no_secret_survives_at_a_key_or_a_value_and_what_is_sent_back_is_what_it_was(args: dict[str, Any]) -> None:
    shown = json.loads(json.dumps(masks.value(args)))
    seen = [shown, redaction.redacted(args), list(map(str, display.rows(masks.value(args))))]
    assert_hidden(json.dumps([*seen, fields.of(masks.value(args), None).posted()]))
    assert_hidden(str(differences.of(args, {})) + str([secret.path for secret in masks.secrets(args)]))
    assert masks.restored(shown, of=args) == args


@settings(deadline=None, database=None)
@given(objects)
def test_every_key_keeps_its_value_and_a_second_look_hides_no_more(args: dict[str, Any]) -> None:
    once = redaction.redacted(args)
    assert len(once) == len(masks.value(args)) == len(args)
    assert redaction.redacted(once) == once


def test_equal_words_for_two_keys_are_numbered() -> None:
    assert redaction.redacted({KEY: 1, "[redacted]": 2, OTHER: 3}) == {
        "[redacted] 2": 1, "[redacted]": 2, "[redacted] 3": 3,
    }  # fmt: skip


def test_a_marked_key_that_was_moved_comes_back_and_a_strange_or_a_second_one_is_refused() -> None:
    moved = {"to": "bob", "headers": {masks.of(KEY): 5, f"use {masks.of(OTHER)}": 6}}
    assert masks.restored(moved, of=ARGS) == {"to": "bob", "headers": {KEY: 5, f"use {OTHER}": 6}}
    for typed, why in (({masks.of("another"): 1}, "type the value itself"), ({masks.of(KEY): 1, KEY: 2}, "twice")):
        with pytest.raises(InvalidArguments, match=why) as refused:
            masks.restored(typed, of=ARGS)
        assert_hidden(str(refused.value.errors))


@pytest.fixture
def ticket(transfers: Any, dave: Any) -> Ticket:
    named = {KEY: {"type": "string", "title": f"T {OTHER}"}, "to": {"type": "string"}}
    schema = {"type": "object", "properties": named, "required": [KEY]}
    return factories.open_ticket(args=ARGS, args_schema=schema, requester=dave, context=[{"content": "", "call": ARGS}])


def test_no_page_no_answer_and_no_record_has_a_secret_that_is_a_name(
    client: Client, ticket: Ticket, alice: Any, admin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ticket.get_absolute_url()
    for user, address in [(alice, url), (alice, f"{url}approve/"), (alice, f"{url}edit/"), (alice, "/")] + [
        (admin, address) for address in ("/audit/", f"/audit/?ticket={ticket.pk}", "/audit/record.csv")
    ]:
        client.force_login(user)
        response = client.get(address)
        assert response.status_code == 200, address
        assert_hidden(response.getvalue().decode())
    call_command("export_audit")
    assert_hidden(capsys.readouterr().out + str(Wordlist.objects.get(ticket=ticket).words))
    assert_hidden(" ".join(bytes(payload.body).decode() for payload in Payload.objects.all()))
    assert_hidden(json.dumps(Program(alice, "decide").get(f"tickets/{ticket.pk}").json()))
    assert_hidden(words_of_notices.text([Notice(ticket=ticket, kind="opened")], shows_args=True))


def test_an_edit_from_the_form_and_one_as_json_keep_hidden_names(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    for typed in ({"args.to": "carol"}, {"args_json": json.dumps(masks.value({**ARGS, "to": "erin"}))}):
        ticket.refresh_from_db()
        sent = {"type": "edit", "digest": ticket.digest, **typed}
        assert client.post(f"{ticket.get_absolute_url()}decisions/", sent).status_code == 302
    ticket = Ticket.objects.get(pk=ticket.pk)
    assert (ticket.revision, ticket.args) == (3, {**ARGS, "to": "erin"})


def test_an_edit_refused_for_such_a_name_does_not_repeat_it(ticket: Ticket, alice: Any) -> None:
    sent = {"type": "edit", "digest": ticket.digest, "args": {**masks.value(ARGS), masks.of(KEY): 7}}
    answer = Program(alice, "decide").post(f"tickets/{ticket.pk}/decisions", sent)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == f"/{masks.of(KEY)}"
    assert_hidden(answer.content.decode())


def test_who_asks_to_see_them_is_shown_the_names_too(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    page = client.post(f"{ticket.get_absolute_url()}secrets/", {"digest": ticket.digest}).content.decode()
    assert KEY in page and OTHER in page
    assert_hidden(str(AuditEntry.objects.get(type="secret.revealed").facts))
