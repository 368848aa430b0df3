"""Decisions over HTTP: what is recorded, and how each refusal is explained."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from approvals import tickets
from approvals.models import Decision, Ticket
from tests import factories


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket(args_schema=factories.TRANSFER_SCHEMA)


def post(client: Client, ticket: Ticket, user: Any, type: str = "approve", *, htmx: Any = False, **data: str) -> Any:
    client.force_login(user)
    headers = {"HX-Request": "true"} if htmx else {}
    sent = {"type": type, "digest": ticket.digest} | data
    return client.post(f"/tickets/{ticket.pk}/decisions/", sent, headers=headers)


def test_a_decision_is_recorded_and_the_ticket_shown(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, message="Fine.")
    assert (response.status_code, response.headers["Location"]) == (302, ticket.get_absolute_url())
    assert Decision.objects.get().message == "Fine."


def test_htmx_is_shown_the_ticket_in_the_same_answer(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, "reject", htmx=True, message="Not to him.")
    assert (response.status_code, response.headers["HX-Replace-Url"]) == (200, ticket.get_absolute_url())
    shown = response.content.decode()
    assert "The ticket is rejected and the agent will be told." in shown
    assert 'id="ticket"' in shown and 'data-state="rejected"' in shown and "<html" not in shown


def test_the_last_signature_releases_it(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    post(client, ticket, alice)
    post(client, ticket, carol)
    ticket.refresh_from_db()
    assert ticket.state == "approved"


def test_a_decision_is_only_posted(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    assert client.get(f"/tickets/{ticket.pk}/decisions/").status_code == 405


def test_a_decision_without_a_token_is_refused(ticket: Ticket, alice: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    assert post(client, ticket, alice).status_code == 403
    assert not Decision.objects.exists()


def test_a_ticket_one_may_not_see_is_not_found(client: Client, ticket: Ticket, frank: Any) -> None:
    assert post(client, ticket, frank).status_code == 404


def test_an_edit_keeps_types(client: Client, ticket: Ticket, alice: Any) -> None:
    post(client, ticket, alice, "edit", **{"args.amount": "25.5", "args.to": "bob"})
    ticket.refresh_from_db()
    assert (ticket.revision, ticket.args) == (2, {"amount": 25.5, "to": "bob"})


def test_an_edit_that_changes_nothing_is_an_approval(client: Client, ticket: Ticket, alice: Any) -> None:
    post(client, ticket, alice, "edit", **{"args.amount": "250", "args.to": "bob"})
    assert (Decision.objects.get().type, Ticket.objects.get().revision) == ("approve", 1)


def test_an_edit_may_come_as_json(client: Client, ticket: Ticket, alice: Any) -> None:
    post(client, ticket, alice, "edit", args_json='{"amount": 1, "to": "erin"}')
    assert Ticket.objects.get().args == {"amount": 1, "to": "erin"}


def refused(response: HttpResponse, status: int, *sentences: str) -> None:
    page = response.content.decode()
    assert response.status_code == status
    assert [sentence for sentence in sentences if sentence not in page] == []


def test_unreadable_arguments_stand_beside_their_field_with_what_was_typed(
    client: Client, ticket: Ticket, alice: Any
) -> None:
    response = post(client, ticket, alice, "edit", message="Why", **{"args.amount": "a lot", "args.to": "erin"})
    refused(response, 422, "Error: ", "Amount: Enter a number", 'value="a lot"', 'value="erin"', "Why</textarea>")
    assert not Decision.objects.exists()


def test_arguments_against_the_schema_stand_beside_their_field(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, "edit", **{"args.amount": "-5", "args.to": "bob"})
    refused(response, 422, 'href="#arg-0">Amount: must be more than 0', 'value="-5"', 'aria-invalid="true"')


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"amount": NaN}', "[" * 5000])
def test_json_that_is_none_is_refused(client: Client, ticket: Ticket, alice: Any, text: str) -> None:
    refused(post(client, ticket, alice, "edit", args_json=text), 422, "There is a problem")


def test_a_stale_page_gets_the_new_version_and_keeps_what_was_typed(
    client: Client, ticket: Ticket, alice: Any, carol: Any
) -> None:
    factories.decide(ticket, carol, "edit", args={"amount": 25, "to": "bob"})
    typed = {"args.amount": "250", "args.to": "erin", "message": "Wrong person"}
    response = post(client, ticket, alice, "edit", htmx=True, **typed)
    fresh = Ticket.objects.get().digest
    refused(response, 409, "have changed since", 'value="erin"', "Wrong person", f'value="{fresh}"', 'value="25"')


def test_a_closed_ticket_says_so_and_keeps_the_words(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    factories.decide(ticket, carol, "reject")
    refused(post(client, ticket, alice, message="I agree"), 409, "already rejected", "I agree")


def test_deciding_twice_is_refused(client: Client, ticket: Ticket, alice: Any) -> None:
    post(client, ticket, alice)
    refused(post(client, ticket, alice), 409, "You have already decided on this version.")


def test_the_requester_is_refused(client: Client, transfers: Any, alice: Any) -> None:
    refused(post(client, factories.open_ticket(requester=alice), alice), 403, "You asked for this")


def test_an_auditor_is_refused(client: Client, ticket: Ticket, admin: Any) -> None:
    refused(post(client, ticket, admin), 403, "You are not in a group")


@pytest.mark.parametrize("type", ["", "destroy", "x" * 500])
def test_an_unknown_decision_is_refused(client: Client, ticket: Ticket, alice: Any, type: str) -> None:
    refused(post(client, ticket, alice, type), 422, "does not allow the decision")


@pytest.mark.parametrize("typed", [{}, {"args.amuont": "25"}, {"args": "{}"}], ids=["none", "misspelt", "as a whole"])
def test_an_edit_that_names_no_argument_is_not_an_approval(
    client: Client, ticket: Ticket, alice: Any, typed: dict[str, str]
) -> None:
    refused(post(client, ticket, alice, "edit", **typed), 422, "an edit needs arguments")
    assert not Decision.objects.exists()


def test_an_answer_needs_words(client: Client, ticket: Ticket, alice: Any) -> None:
    refused(post(client, ticket, alice, "respond", message="  "), 422, "an answer needs words")


def test_too_many_words_are_refused(client: Client, ticket: Ticket, alice: Any) -> None:
    refused(post(client, ticket, alice, message="x" * 4001), 422, "There is a problem")


def test_a_line_end_counts_once_as_in_the_browser(client: Client, ticket: Ticket, alice: Any) -> None:
    post(client, ticket, alice, message="x\r\n" * 1_998 + "end")
    assert Decision.objects.get().message == "x\n" * 1_998 + "end"


def test_htmx_gets_the_refusal_as_a_fragment(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, "destroy", htmx=True)
    assert "<html" not in response.content.decode()


def test_an_edit_beside_a_hostile_text_and_a_naive_pattern_is_answered_at_once(
    client: Client, transfers: Any, alice: Any
) -> None:
    pattern = r"^([a-zA-Z0-9]+\.?)+@example\.com$"
    schema = {
        "type": "object",
        "properties": {"to": {"type": "string", "pattern": pattern}, "memo": {"type": "string"}},
    }
    ticket = factories.open_ticket(args={"to": "a" * 60 + "!", "memo": "x"}, args_schema=schema)
    response = post(client, ticket, alice, "edit", **{"args.to": "a" * 60 + "!", "args.memo": "y"})
    assert (response.status_code, "does not have the form that is asked for" in response.content.decode()) == (
        422,
        True,
    )


@pytest.fixture
def held(cast: Any) -> Ticket:
    """A ticket that one reviewer decides, and whose approval can be taken back for a while."""
    factories.make_policy("Orders", action="order", risk="medium", recall_seconds=600, requirements={"reviewers": 1})
    return factories.open_ticket("order")


def test_what_was_posted_before_a_recall_approves_nothing_when_it_comes_again(
    client: Client, held: Ticket, alice: Any, bob: Any
) -> None:
    post(client, held, alice)
    tickets.recall(held.pk, actor=bob)
    refused(post(client, held, alice), 409, "bob took your approval back")
    assert Ticket.objects.get().state == "pending"
    assert Decision.objects.count() == 1


def test_a_page_that_was_drawn_after_the_recall_approves(client: Client, held: Ticket, alice: Any, bob: Any) -> None:
    for taken_back in (1, 2):
        factories.decide(held, alice)
        tickets.recall(held.pk, actor=bob)
        client.force_login(alice)
        assert f'name="taken_back" value="{taken_back}"' in client.get(f"/tickets/{held.pk}/").content.decode()
    refused(post(client, held, alice, taken_back="1"), 409, "bob took your approval back")
    assert post(client, held, alice, taken_back="2").status_code == 302
    assert Ticket.objects.get().state == "approved"


def test_a_colleague_s_recall_is_no_hindrance_to_a_first_word(
    client: Client, held: Ticket, alice: Any, bob: Any
) -> None:
    factories.decide(held, alice)
    tickets.recall(held.pk, actor=alice)
    assert post(client, held, bob).status_code == 302
    assert Ticket.objects.get().state == "approved"


def test_the_page_of_approving_knows_of_the_recall_too(client: Client, cast: Any, alice: Any, bob: Any) -> None:
    factories.make_policy("Grave", action="order", risk="high", recall_seconds=600, requirements={"reviewers": 1})
    grave = factories.open_ticket("order")
    factories.decide(grave, alice)
    tickets.recall(grave.pk, actor=bob)
    client.force_login(alice)
    assert 'name="taken_back" value="1"' in client.get(f"/tickets/{grave.pk}/approve/").content.decode()
