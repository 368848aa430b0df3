"""What somebody has not opened yet stands out in their lists, and in nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import unread
from approvals.live import fragments
from approvals.models import AuditEntry, Seen, Ticket
from tests import factories

READ = "ticket-row--seen"


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket()


def is_read(client: Client, user: Any) -> bool:
    client.force_login(user)
    return READ in client.get("/").content.decode()


def opened(client: Client, ticket: Ticket, user: Any, path: str = "", **headers: str) -> Any:
    client.force_login(user)
    return client.get(f"{ticket.get_absolute_url()}{path}", headers=headers)


def test_a_ticket_is_unread_until_its_page_is_opened(client: Client, ticket: Ticket, alice: Any, bob: Any) -> None:
    assert not is_read(client, alice)
    opened(client, ticket, alice)
    assert is_read(client, alice)
    assert not is_read(client, bob)


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Purpose": "prefetch"}, {"HX-Request": "true", "HX-Preloaded": "true"}, {"Sec-Fetch-Mode": "cors"}],
)
def test_a_page_that_nobody_opened_is_no_look(client: Client, ticket: Ticket, alice: Any, headers: Any) -> None:
    assert opened(client, ticket, alice, **headers).status_code == 200
    assert not is_read(client, alice)


def test_a_ticket_that_htmx_brings_is_looked_at(client: Client, ticket: Ticket, alice: Any) -> None:
    opened(client, ticket, alice, **{"HX-Request": "true", "Sec-Fetch-Mode": "cors"})
    assert is_read(client, alice)


def test_neither_the_list_nor_what_is_missed_is_a_look(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    for address in ("/", "/inbox/beside/", "/inbox/changes/?since=0", "/inbox/tabs/"):
        client.get(address)
    client.head(ticket.get_absolute_url())
    assert not is_read(client, alice)


def test_it_can_be_left_unread_and_counted_as_read_again(client: Client, ticket: Ticket, alice: Any, bob: Any) -> None:
    for person in (alice, bob):
        opened(client, ticket, person)
    client.force_login(alice)
    client.post(f"{ticket.get_absolute_url()}seen/end/")
    assert not is_read(client, alice)
    assert is_read(client, bob)
    client.force_login(alice)
    client.post(f"{ticket.get_absolute_url()}seen/")
    assert is_read(client, alice)


@pytest.mark.parametrize("path", ["seen/", "seen/end/"])
def test_nobody_marks_what_they_may_not_see(client: Client, ticket: Ticket, frank: Any, path: str) -> None:
    client.force_login(frank)
    assert client.post(f"{ticket.get_absolute_url()}{path}").status_code == 404
    assert not Seen.objects.exists()


@pytest.mark.parametrize("path", ["seen/", "seen/end/"])
def test_a_link_marks_nothing(client: Client, ticket: Ticket, alice: Any, path: str) -> None:
    assert opened(client, ticket, alice, path).status_code == 405


def test_what_cannot_be_noted_is_shown_all_the_same(
    client: Client, ticket: Ticket, alice: Any, monkeypatch: Any
) -> None:
    from django.db import OperationalError

    def full(*_: Any) -> None:
        raise OperationalError("No space left on device")

    monkeypatch.setattr("approvals.unread.note", full)
    assert opened(client, ticket, alice).status_code == 200


def test_a_row_that_is_pushed_says_beside_itself_who_has_opened_it(ticket: Ticket, alice: Any, bob: Any) -> None:
    unread.note(ticket, alice)
    newest = list(AuditEntry.objects.values_list("pk", flat=True))
    pushes = fragments.batch(newest, connected=[alice.pk, bob.pk], last=0).pushes
    told = {user: push.html for push in pushes for user in push.users}
    assert "data-seen" in told[alice.pk] and "data-seen" not in told[bob.pk]
    assert told[alice.pk].replace(" data-seen", "") == told[bob.pk]


def test_not_now_has_a_page_on_which_its_form_is_open(client: Client, ticket: Ticket, alice: Any) -> None:
    page = opened(client, ticket, alice, "snooze/").content.decode()
    assert '<details class="fold" id="put-off" name="attention" open>' in page
    assert 'name="seconds" autofocus' in page
    assert not ticket.snoozes.exists()


def test_who_cannot_put_it_off_is_shown_the_ticket(client: Client, ticket: Ticket, admin: Any) -> None:
    page = opened(client, ticket, admin, "snooze/")
    assert page.status_code == 200
    assert 'id="put-off"' not in page.content.decode()
