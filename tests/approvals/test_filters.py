"""Lists are narrowed by their address: by traits, and by the words of arguments and agents."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import lexemes
from approvals.models import Ticket
from tests import factories
from tests.approvals.test_views_inbox import listed


@pytest.fixture
def mail(cast: Any) -> Ticket:
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})
    return factories.open_ticket(
        "send_email", args={"to": "ana@example.com", "body": "The invoice INV-42 is due"}, requester=cast["dave"]
    )


@pytest.fixture
def transfer(transfers: Any) -> Ticket:
    return factories.open_ticket(graph="payments", reasoning="Bob has waited long enough")


@pytest.mark.parametrize(
    "query", ["risk=low", "action=send_email", "graph=operations", "requester=dave", "q=invoice", "risk=low&q=ana"]
)
def test_one_of_two_tickets_fits(client: Client, mail: Ticket, transfer: Ticket, alice: Any, query: str) -> None:
    assert listed(client, alice, f"/?{query}") == [mail]
    assert listed(client, alice, f"/?tab=team&{query}") == [mail]


def test_a_group_narrows_to_the_tickets_that_ask_it(client: Client, mail: Ticket, transfer: Ticket, alice: Any) -> None:
    assert listed(client, alice, "/?group=finance") == [transfer]
    assert listed(client, alice, "/?group=nobody") == []


@pytest.mark.parametrize(
    "words",
    ["ana", "example.com", "ana@example.com", "INV-42", "inv 42", "invoi", "email due", "dave", "SEND", "operations"],
)
def test_words_of_arguments_action_graph_and_requester_find_it(
    client: Client, mail: Ticket, alice: Any, words: str
) -> None:
    client.force_login(alice)
    assert client.get("/", {"q": words}).context["listing"].tickets == [mail]


@pytest.mark.parametrize("words", ["voice", "ana bob", "!", "'", "a:* & !z", "\\", "\x00", "٣"])
def test_other_words_find_nothing_and_break_nothing(client: Client, mail: Ticket, alice: Any, words: str) -> None:
    client.force_login(alice)
    found = client.get("/", {"q": words})
    assert found.status_code == 200
    assert found.context["listing"].tickets == ([mail] if words == "\x00" else [])


def test_the_agent_s_words_find_it(client: Client, mail: Ticket, transfer: Ticket, alice: Any) -> None:
    assert listed(client, alice, "/?q=waited") == [transfer]


def test_an_edit_is_found_and_what_it_replaced_no_more(client: Client, mail: Ticket, alice: Any) -> None:
    factories.make_policy("Two", action="order", requirements={"reviewers": 2})
    order = factories.open_ticket("order", args={"item": "chairs"})
    factories.decide(order, alice, "edit", args={"item": "tables"})
    assert listed(client, alice, "/?tab=team&q=tables") == [order]
    assert listed(client, alice, "/?tab=team&q=chairs") == []


def test_decided_tickets_are_narrowed_by_their_state(client: Client, mail: Ticket, alice: Any) -> None:
    client.force_login(alice)
    refused = factories.decide(factories.open_ticket("send_email"), alice, "reject")
    factories.decide(mail, alice)
    offers = client.get("/decided/").context["listing"].offers
    assert sorted(offers["state"]) == [("approved", 1), ("rejected", 1)]
    assert 'href="?q=send&amp;state=rejected">Rejected</a>' in client.get("/decided/?q=send").content.decode()
    assert listed(client, alice, "/decided/?state=rejected") == [refused]
    assert listed(client, alice, "/decided/?state=approved&q=ana") == [mail]


def test_a_search_finds_nothing_that_the_reader_may_not_see(client: Client, transfer: Ticket, frank: Any) -> None:
    assert listed(client, frank, "/?tab=team&q=bob") == []


def test_what_can_be_narrowed_is_offered_with_its_count(
    client: Client, mail: Ticket, transfer: Ticket, alice: Any
) -> None:
    client.force_login(alice)
    offers = client.get("/?risk=high").context["listing"].offers
    assert "risk" not in offers
    offers = client.get("/").context["listing"].offers
    assert sorted(offers["action"]) == [("send_email", 1), ("transfer_money", 1)]
    assert offers["group"][0] == ("reviewers", 2)
    assert offers["requester"] == [("dave", 1)]  # the other has none
    assert "state" not in offers  # all of them wait
    assert client.get("/?action=send_email").context["listing"].offers["requester"] == [("dave", 1)]


def test_pages_of_a_filtered_list_keep_the_filter(client: Client, alice: Any) -> None:
    for _ in range(51):
        factories.open_ticket("send_email")
    client.force_login(alice)
    assert "q=email&amp;after=" in client.get("/?q=email").content.decode()


def test_a_ticket_with_more_words_than_are_kept_is_found_by_its_short_values(cast: Any) -> None:
    words = " ".join(f"w{n}" for n in range(30_000))
    ticket = factories.open_ticket("send_email", args={"body": words, "to": "ana"})
    assert ticket in Ticket.objects.matching("ana w7")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ana@Example.com, report-7!", ["ana", "example", "com", "report", "7"]),
        ("transfer_money", ["transfer", "money"]),
        ("ﬁnance ＡＢＣ", ["finance", "abc"]),
        ("转账给bob", ["转", "账", "给", "bob"]),
        ("", []),
        ("— · '", []),
    ],
)
def test_a_text_is_cut_into_words(text: str, words: list[str]) -> None:
    assert lexemes.of([text]) == words


def test_many_long_words_are_kept_only_so_far() -> None:
    found = lexemes.of(f"{n}x" * 70 for n in range(10_000))
    assert len(found) == lexemes.MOST
    assert max(map(len, found)) == lexemes.LONGEST
