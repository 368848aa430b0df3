"""An edit is looked through before it is sent: the difference, what becomes stricter, what is wrong where."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import differences, edits
from approvals.models import AuditEntry, Ticket
from tests import factories


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket(args_schema=factories.TRANSFER_SCHEMA)


def post(client: Client, ticket: Ticket, user: Any, step: str = "review", *, htmx: bool = False, **typed: str) -> Any:
    client.force_login(user)
    data = {"type": "edit", "digest": ticket.digest, "step": step} | typed
    return client.post(f"{ticket.get_absolute_url()}edit/", data, headers={"HX-Request": "true"} if htmx else {})


def said(response: Any, status: int, *parts: str) -> None:
    page = response.content.decode()
    assert (response.status_code, [part for part in parts if part not in page]) == (status, [])


def test_the_difference_is_shown_before_anything_is_sent(client: Client, ticket: Ticket, alice: Any) -> None:
    entries = AuditEntry.objects.filter(ticket=ticket)
    told = entries.count()
    response = post(client, ticket, alice, **{"args.amount": "25", "args.to": "bob"})
    said(response, 200, "Was → will be", "was </span>250</del>", "is now </span>25</ins>", 'value="25"')
    assert (entries.count(), Ticket.objects.get().revision) == (told, 1)


def test_what_was_looked_through_is_what_is_sent(client: Client, ticket: Ticket, alice: Any) -> None:
    page = post(client, ticket, alice, **{"args.amount": "25", "args.to": "bob"}).context
    care = {"seen": page["seen"], "checked": "on", "message": "A typo."}
    sent = {"type": "edit", "digest": ticket.digest} | page["arguments"].posted() | care
    client.post(f"{ticket.get_absolute_url()}decisions/", sent)
    assert Ticket.objects.get().args == {"amount": 25, "to": "bob"}


def test_no_difference_offers_nothing_to_save(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, **{"args.amount": "250", "args.to": "bob"})
    said(response, 200, "Nothing is different")
    assert "Save the changes" not in response.content.decode()


def test_an_edit_that_raises_the_risk_says_so_and_asks_for_its_confirmation(
    client: Client, ticket: Ticket, alice: Any
) -> None:
    stricter = {"position": 0, "condition": "double(args.amount) > 1000.0", "risk": "critical", "gate": "manual"}
    factories.make_policy(
        "Large", action="transfer_money", confirm="{amount}", requirements={"security": 2}, **stricter
    )
    response = post(client, ticket, alice, **{"args.amount": "9000", "args.to": "bob"})
    said(response, 200, "raises the risk from high to critical", "2 of security", 'untrusted">9000</kbd> to confirm')


def test_what_is_wrong_stands_beside_its_field_with_what_was_typed(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, **{"args.amount": "-5", "args.to": "erin", "message": "Why"})
    said(response, 422, "Error: ", 'href="#arg-0">Amount: must be more than 0', 'value="-5"', "erin", "Why</textarea>")


def test_htmx_gets_the_form_alone(client: Client, ticket: Ticket, alice: Any) -> None:
    response = post(client, ticket, alice, htmx=True, **{"args.amount": "x", "args.to": "bob"})
    said(response, 422, 'id="edit"', "<title>Error: ", "Enter a number")
    assert (response.headers["HX-Retarget"], b'id="ticket"' in response.content) == ("#edit", False)


@pytest.mark.parametrize("to", ["bob", "erin"], ids=["nothing else", "something else"])
def test_an_added_row_that_was_left_empty_is_said_to_be_left_out(
    client: Client, transfers: Any, alice: Any, to: str
) -> None:
    schema = {"properties": {"sizes": {"type": "array", "items": {"enum": ["S", "M"]}}, "to": {"type": "string"}}}
    ticket = factories.open_ticket(args={"sizes": ["S"], "to": "bob"}, args_schema=schema)
    typed = {"args.sizes~rows": "0,n1", "args.sizes.0": "0", "args.sizes.n1": "", "args.to": to}
    said(post(client, ticket, alice, **typed), 200, "“Sizes 2” was left empty and is left out.")
    assert "left out" not in post(client, ticket, alice, **{**typed, "args.sizes.n1": "1"}).content.decode()


def test_a_step_draws_the_form_anew_and_keeps_what_was_typed(client: Client, transfers: Any, alice: Any) -> None:
    schema = {"properties": {"sizes": {"type": "array", "items": {"enum": ["S", "M"]}}, "to": {"type": "string"}}}
    ticket = factories.open_ticket(args={"sizes": [], "to": "bob"}, args_schema=schema)
    response = post(client, ticket, alice, "add args.sizes", **{"args.sizes~rows": "", "args.to": "erin"})
    said(response, 200, 'name="args.sizes.n1" autofocus', 'value="erin"', 'name="args.sizes~rows" value="n1"')


def test_the_form_has_an_address_of_its_own(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    said(client.get(f"{ticket.get_absolute_url()}edit/"), 200, 'id="edit" open')


def test_a_closed_ticket_has_no_form_any_more(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    factories.decide(ticket, carol, "reject")
    said(post(client, ticket, alice, **{"args.amount": "25"}), 409, "already rejected")


def test_who_may_not_decide_may_not_try_either(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket(requester=alice)
    said(post(client, ticket, alice, **{"args.amount": "25"}), 403, "You asked for this")


def test_a_stale_vote_is_told_what_changed_since(client: Client, ticket: Ticket, alice: Any, carol: Any) -> None:
    factories.decide(ticket, carol, "edit", args={"amount": 25, "to": "bob"})
    data = {"type": "approve", "digest": ticket.digest}
    client.force_login(alice)
    response = client.post(f"{ticket.get_absolute_url()}decisions/", data)
    said(response, 409, "Since your version:", "was </span>250</del>", "is now </span>25</ins>")


def test_a_long_text_is_compared_word_by_word() -> None:
    text = "Please send the quarterly figures to the whole team by Friday."
    [change] = differences.of({"body": text}, {"body": text.replace("Friday", "Monday")})
    assert [(run.kind, run.text) for run in change.runs if run.kind != "same"] == [
        ("gone", "Friday"),
        ("new", "Monday"),
    ]


def test_a_difference_is_named_by_its_schema_and_its_pointer() -> None:
    schema = {"properties": {"to": {"type": "object", "properties": {"a/b": {"title": "Recipient"}}}}}
    [change] = differences.of({"to": {"a/b": 1}}, {"to": {"a/b": True}}, schema)
    assert (change.label, change.path, change.before, change.after) == ("To › Recipient", "/to/a~1b", "1", "true")


def test_one_person_s_change_is_laid_over_another_s() -> None:
    before, after = {"a": 1, "b": {"c": 1, "d": 1}, "e": [1]}, {"a": 1, "b": {"c": 2, "d": 1}}
    assert differences.laid_over({"a": 9, "b": {"c": 1, "d": 9}, "e": [1]}, before=before, after=after) == {
        "a": 9,
        "b": {"c": 2, "d": 9},
    }


@pytest.mark.parametrize(
    ("requirements", "is_short"), [({"reviewers": 2}, True), ({"reviewers": 1}, False), ({"security": 1}, False)]
)
def test_an_edit_that_nobody_could_sign_is_said_before_it_is_saved(
    cast: Any, alice: Any, requirements: dict[str, int], is_short: bool
) -> None:
    factories.make_policy("Orders", action="order", risk="high", requirements={"reviewers": 1, **requirements})
    ticket = factories.open_ticket("order", args={"item": "chair"}, requester=cast["dave"])
    warned = edits.review(ticket, {"item": "table"}, editor=alice).shortage
    factories.decide(ticket, alice, "edit", args={"item": "table"})
    ticket.refresh_from_db()
    assert warned == ticket.shortage
    assert bool(warned) == is_short


def test_the_warning_stands_beside_the_difference(client: Client, cast: Any, alice: Any) -> None:
    factories.make_policy("Orders", action="order", risk="high", requirements={"reviewers": 2})
    ticket = factories.open_ticket("order", args={"item": "chair"})
    page = post(client, ticket, alice, **{"args.item": "table"})
    said(page, 200, "Nobody could sign this", "it needs 1 more of reviewers than may sign now")
