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


def listed(client: Client, user: Any, address: str = "/") -> list[Ticket]:
    """The tickets on a page, in their order."""
    client.force_login(user)
    found: list[Ticket] = client.get(address).context["listing"].tickets
    return found


def test_anonymous_people_are_asked_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == "/accounts/login/?next=/"


def test_a_ticket_needs_its_approvers_and_waits_for_others_at_its_requester(
    client: Client, transfers: Any, alice: Any, dave: Any, frank: Any
) -> None:
    ticket = factories.open_ticket(requester=dave)
    assert listed(client, alice) == [ticket]
    assert (listed(client, dave), listed(client, dave, "/?tab=others")) == ([], [ticket])
    assert (listed(client, frank), listed(client, frank, "/?tab=others")) == ([], [])


def test_after_my_vote_a_ticket_waits_for_others(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    assert (listed(client, alice), listed(client, alice, "/?tab=others")) == ([], [ticket])


def test_the_nearest_deadline_comes_first_then_the_highest_risk(client: Client, alice: Any) -> None:
    factories.make_policy("Slow", action="send_email", deadline_seconds=None, risk="low", requirements={"reviewers": 1})
    factories.make_policy(
        "Grave", action="purge", deadline_seconds=None, risk="critical", requirements={"reviewers": 1}
    )
    factories.make_policy("Fast", action="page", deadline_seconds=60, risk="low", requirements={"reviewers": 1})
    for action in ("send_email", "purge", "page"):
        factories.open_ticket(action)
    assert [ticket.action for ticket in listed(client, alice)] == ["page", "purge", "send_email"]


def test_a_search_says_how_many_it_found_of_those_that_wait(client: Client, transfers: Any, alice: Any) -> None:
    factories.open_ticket()
    client.force_login(alice)
    assert "0 of 1 waiting for you" in client.get("/?q=ghost").content.decode()


def test_what_was_decided_is_one_of_the_lists(client: Client, transfers: Any, alice: Any) -> None:
    factories.open_ticket()
    client.force_login(alice)
    page = client.get("/decided/").content.decode()
    assert page.count('aria-current="page">Decided') == page.count('tabs__link" href="/decided/" aria-current') == 1
    assert '<a class="tabs__link" href="/">Waiting for you <span class="tabs__count" id="count-you"' in page


@pytest.mark.parametrize("page", ["/", "/decided/", "/?tab=snoozed"])
@pytest.mark.parametrize("mark", ["x", "-1", "99999999999999999999", "7", "1-", "9-9", "-", "1-2-3", "\x00", "²-²"])
def test_a_strange_page_mark_shows_a_page(client: Client, alice: Any, page: str, mark: str) -> None:
    client.force_login(alice)
    assert client.get(page, {"after": mark}).status_code == 200


def test_decided_tickets_go_on_where_the_page_ended(client: Client, alice: Any) -> None:
    tickets = [factories.open_ticket("send_email") for _ in range(53)]
    for ticket in tickets:
        factories.decide(ticket, alice, "reject")
    first = listed(client, alice, "/decided/")
    following = listed(client, alice, f"/decided/?after={first[-1].pk}")
    assert [ticket.pk for ticket in first + following] == [ticket.pk for ticket in reversed(tickets)]
    assert len(following) == 3


def test_waiting_tickets_go_on_where_the_page_ended(client: Client, alice: Any) -> None:
    tickets = [factories.open_ticket("send_email") for _ in range(53)]
    client.force_login(alice)
    first = client.get("/").context["listing"]
    following = client.get("/", {"after": first.following}).context["listing"]
    assert [ticket.pk for ticket in first.tickets + following.tickets] == [ticket.pk for ticket in tickets]
    assert (first.count, following.count, following.following) == (53, 53, "")


def test_what_asks_for_the_same_is_folded_into_one_row(client: Client, alice: Any) -> None:
    tickets = [factories.open_ticket("send_email", args={"to": name}) for name in ("ana", "bob", "ana", "ana")]
    tickets.append(factories.open_ticket("order", args={"to": "ana"}))
    client.force_login(alice)
    page = client.get("/")
    first, bob, again, more, order = tickets
    assert page.context["folded"] == [[first, again, more], [bob], [order]]
    assert "×3, same arguments" in page.content.decode()


def test_more_tickets_need_no_more_queries(
    client: Client, transfers: Any, alice: Any, carol: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        factories.decide(factories.open_ticket(), carol)
        factories.decide(factories.open_ticket("send_email"), alice)
    client.force_login(alice)
    for address in ("/", "/?tab=others", "/?q=email&risk=medium", "/decided/"):
        with django_assert_max_num_queries(22):
            client.get(address)


def test_a_row_depends_on_nobody_who_looks(client: Client, transfers: Any, alice: Any, admin: Any) -> None:
    factories.open_ticket(requester=admin)
    rows = []
    for person in (alice, admin):
        client.force_login(person)
        page = client.get("/?tab=team").content.decode()
        rows.append(page[page.index('<li class="ticket-row') :].partition("</li>")[0])
    assert rows[0] == rows[1]


def test_changes_since_tell_what_was_missed(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket()
    client.force_login(alice)
    assert f'id="ticket-row-{ticket.pk}"' in client.get("/inbox/changes/?since=0").content.decode()


@pytest.mark.parametrize("page", ["/", "/decided/", "/runs/", "ticket"])
def test_every_page_that_lives_counts_what_waits_for_its_reader(
    client: Client, transfers: Any, alice: Any, page: str
) -> None:
    ticket = factories.open_ticket()
    factories.make_policy("Ordered", action="ship", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    later = factories.open_ticket("ship")
    client.force_login(alice)
    shown = client.get(later.get_absolute_url() if page == "ticket" else page).content.decode()
    assert f'data-waiting="{ticket.pk}"' in shown


def test_rows_say_what_their_lists_are_sorted_by(client: Client, alice: Any) -> None:
    for name, seconds in (("slow", None), ("grave", 3_600), ("late", 7_200), ("mild", 3_600)):
        risk = "critical" if name == "grave" else "low"
        needed = {"reviewers": 1}
        factories.make_policy(name, action=name, deadline_seconds=seconds, risk=risk, requirements=needed)
        factories.open_ticket(name)
        factories.decide(factories.open_ticket(name), alice, "reject")
    needed, decided = ([display.order(ticket) for ticket in listed(client, alice, page)] for page in ("/", "/decided/"))
    assert needed == sorted(needed)
    assert decided == sorted(decided, reverse=True)
    assert len(needed) == len(decided) == 4
