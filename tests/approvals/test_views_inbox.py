"""The inbox shows everyone what is theirs, in a fixed number of queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import display
from approvals.models import Ticket
from tests import factories


def ids(tickets: list[Ticket]) -> set[int]:
    return {ticket.pk for ticket in tickets}


def lists(client: Client, user: Any, query: str = "") -> Any:
    client.force_login(user)
    return client.get(f"/{query}").context


def test_anonymous_people_are_asked_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == "/accounts/login/?next=/"


def test_a_ticket_needs_its_approvers_and_waits_for_others_at_its_requester(
    client: Client, transfers: Any, alice: Any, dave: Any, frank: Any
) -> None:
    ticket = factories.open_ticket(requester=dave)
    assert ids(lists(client, alice)["needed"]) == {ticket.pk}
    assert (lists(client, dave)["needed"], ids(lists(client, dave)["others"])) == ([], {ticket.pk})
    assert (lists(client, frank)["needed"], lists(client, frank)["others"]) == ([], [])


def test_after_my_vote_a_ticket_waits_for_others(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    found = lists(client, alice)
    assert (found["needed"], ids(found["others"])) == ([], {ticket.pk})


def test_the_nearest_deadline_comes_first_then_the_highest_risk(client: Client, alice: Any) -> None:
    factories.make_policy("Slow", action="send_email", deadline_seconds=None, risk="low", requirements={"reviewers": 1})
    factories.make_policy(
        "Grave", action="purge", deadline_seconds=None, risk="critical", requirements={"reviewers": 1}
    )
    factories.make_policy("Fast", action="page", deadline_seconds=60, risk="low", requirements={"reviewers": 1})
    for action in ("send_email", "purge", "page"):
        factories.open_ticket(action)
    assert [ticket.action for ticket in lists(client, alice)["needed"]] == ["page", "purge", "send_email"]


@pytest.mark.parametrize("query", ["?after=x", "?after=-1", "?after=99999999999999999999", "?after=7"])
def test_a_strange_page_mark_shows_a_page(client: Client, alice: Any, query: str) -> None:
    client.force_login(alice)
    assert client.get(f"/{query}").status_code == 200


def test_decided_tickets_go_on_where_the_page_ended(client: Client, alice: Any) -> None:
    tickets = [factories.open_ticket("send_email") for _ in range(23)]
    for ticket in tickets:
        factories.decide(ticket, alice, "reject")
    first = lists(client, alice)
    last = first["decided"][: first["decided_shown"]][-1]
    following = lists(client, alice, f"?after={last.pk}")["decided"]
    assert ids(first["decided"][:20]) | ids(following) == ids(tickets)
    assert len(following) == 3


def test_more_tickets_need_no_more_queries(
    client: Client, transfers: Any, alice: Any, carol: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        factories.decide(factories.open_ticket(), carol)
        factories.decide(factories.open_ticket("send_email"), alice)
    client.force_login(alice)
    with django_assert_max_num_queries(28):
        client.get("/")


def test_a_row_depends_on_nobody_who_looks(client: Client, transfers: Any, alice: Any, admin: Any) -> None:
    factories.open_ticket(requester=admin)
    rows = []
    for person in (alice, admin):
        client.force_login(person)
        page = client.get("/").content.decode()
        rows.append(page[page.index("<li ") : page.index("</li>")])
    assert rows[0] == rows[1]


def test_changes_since_tell_what_was_missed(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    client.force_login(alice)
    assert f'id="ticket-row-{ticket.pk}"' in client.get("/inbox/changes/?since=0").content.decode()


def test_rows_say_what_their_lists_are_sorted_by(client: Client, alice: Any) -> None:
    for name, seconds in (("slow", None), ("grave", 3_600), ("late", 7_200), ("mild", 3_600)):
        risk = "critical" if name == "grave" else "low"
        needed = {"reviewers": 1}
        factories.make_policy(name, action=name, deadline_seconds=seconds, risk=risk, requirements=needed)
        factories.open_ticket(name)
        factories.decide(factories.open_ticket(name), alice, "reject")
    found = lists(client, alice)
    needed, decided = ([display.order(ticket) for ticket in found[name]] for name in ("needed", "decided"))
    assert needed == sorted(needed)
    assert decided == sorted(decided, reverse=True)
    assert len(needed) == len(decided) == 4
