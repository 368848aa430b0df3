"""The ticket page: the action first, the agent's words marked and harmless, why somebody cannot decide."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from approvals import remote
from approvals.contract import ProposedAction
from approvals.models import AuditEntry
from tests import factories


def page_of(client: Client, ticket: Any, user: Any, **headers: str) -> str:
    client.force_login(user)
    return client.get(ticket.get_absolute_url(), headers=headers).content.decode()


def test_of_many_versions_the_last_five_are_compared(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    for amount in range(1, 9):
        factories.decide(ticket, alice, "edit", args={"amount": amount, "to": "bob"})
    client.force_login(alice)
    page = client.get(ticket.get_absolute_url()).content.decode()
    assert [f"Version {number}, by alice" in page for number in (9, 5, 4)] == [True, True, False]
    assert "3 earlier versions: the history names each." in page


def test_a_ticket_of_others_is_not_found(client: Client, transfers: Any, frank: Any) -> None:
    ticket = factories.open_ticket()
    client.force_login(frank)
    assert client.get(ticket.get_absolute_url()).status_code == 404


def test_the_title_says_what_will_happen(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket(), alice)
    assert "<title>Transfer money: amount 250, to bob – Countersign</title>" in page


def test_unseen_characters_are_shown_by_number(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket(args={"to": "b\u202eob", "amount": 1}), alice)
    assert '<span class="hidden-char">⟨U+202E⟩</span>' in page
    assert "\u202e" not in page


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</textarea><b>"])
def test_an_agent_s_words_are_text(client: Client, transfers: Any, alice: Any, words: str) -> None:
    ticket = factories.open_ticket(
        args={"to": words, words: words, "amount": 1},
        reasoning=words,
        description=words + "!",
        context=[{"role": words, "content": words, "name": words, "tool_calls": [{"name": words, "args": {words: 1}}]}],
        args_schema={"properties": {"to": {"type": "string", "title": words, "description": words}}},
    )
    assert words not in page_of(client, ticket, alice)


def test_long_values_are_shown_whole(client: Client, transfers: Any, alice: Any) -> None:
    body = "line\n" * 3000 + "the end"
    page = page_of(client, factories.open_ticket(args={"body": body, "amount": 1}), alice)
    assert "the end</div>" in page
    assert "15,007 characters" in page


def test_what_was_asked_from_elsewhere_waits_until_its_agent_comes_for_it(
    client: Client, cast: Any, alice: Any, dave: Any
) -> None:
    factories.make_policy("Asked", action="send_note", recall_seconds=0, requirements={"reviewers": 1})
    asked = ProposedAction(action="send_note", args={"to": "bob"})
    ticket, _ = remote.ask(asked, agent=dave, key="", digest="", thread="")
    factories.decide(ticket, alice)
    page = page_of(client, ticket, alice)
    assert "takes the answer when it comes for it" in page
    assert "Releasing now" not in page


def test_the_requester_reads_why_they_cannot_decide(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket(requester=alice), alice)
    assert "You asked for this; someone else must approve." in page
    assert 'method="post" action="/tickets/' not in page


def test_an_auditor_reads_why_they_cannot_decide(client: Client, transfers: Any, admin: Any) -> None:
    assert "You are not in a group that may decide" in page_of(client, factories.open_ticket(), admin)


def test_votes_on_an_older_version_are_shown_as_void(client: Client, transfers: Any, alice: Any, carol: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, carol)
    factories.decide(ticket, alice, "edit", args={"amount": 25, "to": "bob"})
    page = page_of(client, ticket, carol)
    assert "for version 1, no longer counts" in page
    assert "1 of 2 signed" in page


def test_an_open_place_names_only_those_who_can_still_sign(client: Client, cast: Any, alice: Any, carol: Any) -> None:
    factories.make_policy(requirements={"reviewers": 2, "finance": 1}, risk="high")
    ticket = factories.open_ticket()
    assert page_of(client, ticket, carol).count("alice or bob") == 2
    factories.decide(ticket, alice, "edit", args={"amount": 25, "to": "bob"})
    page = page_of(client, ticket, carol)
    assert "alice or bob" not in page and page.count('signature__name">bob<') == 2


def test_who_can_do_nothing_for_a_ticket_finds_no_empty_heading(client: Client, transfers: Any, cast: Any) -> None:
    ticket = factories.open_ticket()
    assert "Who looks after it" not in page_of(client, ticket, cast["admin"])
    assert "Who looks after it" in page_of(client, ticket, cast["alice"])


def test_a_difference_shows_what_was_and_what_is(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice, "edit", args={"amount": 25, "to": "bob"})
    page = page_of(client, ticket, alice)
    assert "was </span>250</del>" in page
    assert "is now </span>25</ins>" in page


def test_a_timeout_is_nobody_s_rejection(client: Client, transfers: Any, alice: Any) -> None:
    from approvals import deadlines
    from approvals.models import Ticket

    ticket = factories.open_ticket()
    Ticket.objects.filter(pk=ticket.pk).update(deadline_at="2026-01-01T00:00Z")
    deadlines.expire(ticket.pk)
    page = page_of(client, ticket, alice)
    assert "No person rejected this." in page


def test_htmx_gets_the_ticket_alone(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket(), alice, **{"HX-Request": "true"})
    assert page.lstrip().startswith("<title>")
    assert "<html" not in page


def test_every_kind_of_entry_has_words(client: Client, transfers: Any, alice: Any, carol: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    factories.decide(ticket, carol)
    page = page_of(client, ticket, alice)
    assert not [kind for kind in set(AuditEntry.objects.values_list("type", flat=True)) if kind in page]


def test_a_ticket_takes_a_fixed_number_of_queries(
    client: Client, transfers: Any, alice: Any, carol: Any, django_assert_max_num_queries: Any
) -> None:
    ticket = factories.open_ticket()
    for amount in range(1, 6):
        factories.decide(ticket, alice, "edit", args={"amount": amount, "to": "bob"})
        factories.decide(ticket, carol, "edit", args={"amount": amount * 100, "to": "bob"})
    client.force_login(alice)
    with django_assert_max_num_queries(25):
        client.get(ticket.get_absolute_url())


@pytest.mark.parametrize("action", ["delete-data", "delete_data", "Delete Data"])
def test_names_that_read_alike_are_told_apart(client: Client, transfers: Any, alice: Any, action: str) -> None:
    page = page_of(client, factories.open_ticket(action), alice)
    assert "Delete data" in page
    assert f'<code class="untrusted">{action}</code>' in page
    assert "outside the plain Latin alphabet" not in page


def test_name_that_passes_for_another_is_warned_about(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket("d\u0435lete_data"), alice)
    assert '<span class="hidden-char">\u0435⟨U+0435⟩</span>' in page
    assert "outside the plain Latin alphabet" in page


def test_no_page_asks_a_schema_whether_the_guess_fits(alice, client, monkeypatch):
    factories.make_policy("Guess", action="ask", requirements={"reviewers": 1}, on_timeout="answer")
    ticket = factories.open_ticket(
        "ask", args={"question": "Which?"}, best_guess="Paris", answer_schema={"minLength": 3}
    )
    monkeypatch.setattr("approvals.schemas.SECONDS", -1.0)
    client.force_login(alice)
    assert "its own best guess" in client.get(ticket.get_absolute_url()).content.decode()


def test_a_schema_that_is_too_large_leaves_a_page_without_a_form_for_changes(alice, client):
    ticket = factories.open_ticket(args={"to": "bob"}, args_schema={"description": "x" * 70_000})
    client.force_login(alice)
    page = client.get(ticket.get_absolute_url()).content.decode()
    assert "cannot be changed here" in page
    assert "larger than 64 KiB" in page
    assert "Change the arguments" not in page


def test_a_question_whose_schema_is_too_large_says_why_it_takes_no_answer(alice, client):
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5_000)}}
    ticket = factories.open_ticket(
        "ask", args={"question": "Which?"}, answer_schema=schema, allowed_decisions=("respond", "reject")
    )
    client.force_login(alice)
    assert "cannot be answered here" in client.get(ticket.get_absolute_url()).content.decode()


def test_a_value_of_very_many_parts_is_shown_whole_as_json(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, factories.open_ticket(args={"lines": [[n] for n in range(2_000)]}), alice)
    assert 'aria-label="Lines as JSON"' in page
    assert "1999" in page


def test_of_a_long_conversation_the_page_says_what_it_leaves_out(client: Client, transfers: Any, alice: Any) -> None:
    said = [{"role": "tool", "content": "x" * 5_000, "name": None, "tool_calls": []} for _ in range(30)]
    assert "earlier turns not kept here" in page_of(client, factories.open_ticket(context=said), alice)


def test_a_hostile_ticket_is_drawn_soon_and_shows_what_cannot_be_seen(
    client: Client, transfers: Any, alice: Any
) -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = {"in": deep}
    args = {f"key{n}": "<img src=x onerror=alert(1)>\u202e\u200b" for n in range(200)}
    ticket = factories.open_ticket(args=args | {"amount": 1, "long": "p\u0430y\u202e " * 30_000, "deep": deep})
    client.force_login(alice)
    client.get("/policies/")  # the templates are read once
    for path in ("", "approve/", "edit/"):
        began = time.thread_time()
        page = client.get(f"{ticket.get_absolute_url()}{path}").content.decode()
        assert time.thread_time() - began < 1.5  # of processor time, with room for a busy machine; the goal is 0.5
        assert "<img src=x" not in page and "\u202e" not in page and "⟨U+202E⟩" in page
