"""The lists as they live: what is unread, what asks for the same, and the list beside a ticket."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import claims
from approvals.models import Ticket
from tests import daphne, factories
from tests.browser.stage import elsewhere, shown, sign_in
from tests.browser.windows import needs_chromium, open_context

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]

UNREAD = "#inbox-list > :not(.ticket-row--seen)"


@pytest.fixture
def mails(cast: Any) -> None:
    """A policy by which one reviewer signs a mail."""
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})


def test_what_i_have_opened_stays_read_when_its_row_is_drawn_again(page, alice, bob, mails, test_database):
    ticket = elsewhere(factories.open_ticket, "send_email")
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.goto(address)
        shown(page, "#live-status", "Live")
        assert page.locator(UNREAD).count() == 0
        elsewhere(claims.take, ticket.pk, person=bob)
        shown(page, f"#ticket-row-{ticket.pk}.ticket-row--seen", "bob is on it")
        other = elsewhere(factories.open_ticket, "send_email")
        shown(page, f"#ticket-row-{other.pk}")
        assert page.locator(UNREAD).count() == 1


def outline(page: Any) -> list[Any]:
    """The ids of the rows in their order; a fold as its sentence with the rows in it."""
    found: list[Any] = page.locator("#inbox-list > li").evaluate_all(
        "all => all.map(one => one.matches('.repeats') ? [one.querySelector('summary').textContent,"
        " ...[...one.querySelectorAll('li')].map(row => row.id)] : one.id)"
    )
    return found


def mail(to: str) -> Ticket:
    return elsewhere(factories.open_ticket, "send_email", args={"to": to})


def test_what_arrives_is_folded_as_a_reload_folds_it(page, alice, bob, mails, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        ana, bert, again, more = (mail(to) for to in ("ana", "bert", "ana", "ana"))
        shown(page, ".repeats", "×3, same arguments")
        rows = [f"ticket-row-{ticket.pk}" for ticket in (ana, bert, again, more)]
        expected = [rows[0], ["×3, same arguments", rows[2], rows[3]], rows[1]]
        assert outline(page) == expected
        page.reload()
        assert outline(page) == expected
        shown(page, "#live-status", "Live")
        elsewhere(factories.decide, ana, bob, "reject")  # the one on which the others hang
        shown(page, f"#{rows[0]}", "Rejected")
        page.locator(f"#{rows[0]}").wait_for(state="detached", timeout=20_000)
        shown(page, ".repeats", "×2, same arguments")
        expected = [rows[1], rows[2], ["×2, same arguments", rows[3]]]
        assert outline(page) == expected
        page.reload()
        assert outline(page) == expected


def test_nothing_is_folded_away_under_a_pointer(page, alice, mails, test_database):
    ticket = mail("ana")
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        page.wait_for_load_state("networkidle")
        row = page.locator(f"#ticket-row-{ticket.pk}")
        row.hover()
        place = row.bounding_box()
        mail("ana")
        shown(page, "#newcomers", "1 new")
        page.wait_for_load_state("networkidle")
        assert page.locator(".repeats").count() == 0
        assert row.bounding_box() == place
        page.mouse.move(0, 0)
        shown(page, ".repeats", "×2, same arguments")


def open_beside(page: Any, address: str, ticket: Ticket, query: str = "") -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{address}/tickets/{ticket.pk}/{query}")
    shown(page, ".beside .ticket-row [aria-current=page]")


def test_beside_a_ticket_stands_its_list_with_the_open_one_marked(page, live_server, alice, mails):
    first, second = (factories.open_ticket("send_email", args={"to": to}) for to in ("ana", "bert"))
    sign_in(page, live_server.url, alice)
    open_beside(page, live_server.url, first)
    assert page.locator(".beside [aria-current]").get_attribute("href") == first.get_absolute_url()
    assert page.locator("h1").count() == 1
    assert page.locator(".beside input").locator("visible=true").count() == 0
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))
    page.locator(f"#ticket-row-{second.pk} a").click()
    shown(page, "h1", "bert")
    shown(page, f"#ticket-row-{second.pk} [aria-current=page]")
    assert page.locator(".beside .ticket-row--seen").count() == 2


def test_where_there_is_no_room_for_the_list_nobody_asks_for_it(page, live_server, alice, mails):
    ticket = factories.open_ticket("send_email")
    sign_in(page, live_server.url, alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/inbox/beside/" in request.url else None)
    page.set_viewport_size({"width": 1199, "height": 900})
    page.goto(live_server.url + ticket.get_absolute_url())
    page.wait_for_load_state("networkidle")
    assert page.locator(".beside").is_hidden()
    assert asked == []
    page.set_viewport_size({"width": 1200, "height": 900})
    shown(page, f"#ticket-row-{ticket.pk}")
    assert len(asked) == 1


def test_the_list_beside_a_ticket_lives_and_leaves_the_words_and_the_focus(page, alice, bob, mails, test_database):
    ticket, other = mail("ana"), mail("bert")
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        open_beside(page, address, ticket)
        shown(page, "#live-status", "Live")
        page.locator("#reject > summary").click()
        page.locator("#reject-message").fill("Because")
        new = mail("cleo")
        shown(page, f".beside #ticket-row-{new.pk}")
        shown(page, ".beside [data-tab='']", "3")
        elsewhere(claims.take, ticket.pk, person=bob)
        shown(page, f"#ticket-row-{ticket.pk}", "bob is on it")
        elsewhere(factories.decide, other, bob, "reject")
        shown(page, f"#ticket-row-{other.pk}", "Rejected")
        page.locator(f"#ticket-row-{other.pk}").wait_for(state="detached", timeout=20_000)
        assert page.locator(f"#ticket-row-{ticket.pk} [aria-current=page]").count() == 1
        assert page.evaluate("document.activeElement.id") == "reject-message"
        assert page.locator("#reject-message").input_value() == "Because"


def test_the_way_through_a_narrowed_list_stays_in_it(page, live_server, alice, mails):
    for to in ("ana", "bert", "anatol"):
        factories.open_ticket("send_email", args={"to": to})
    sign_in(page, live_server.url, alice)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{live_server.url}/?q=ana")
    page.locator("#inbox-list a").first.click()
    shown(page, ".beside [aria-current=page]")
    assert page.locator(".beside .ticket-row").count() == 2
    for name in ("Next", "Previous"):
        page.get_by_role("link", name=name, exact=True).click()
        shown(page, "h1", "anatol" if name == "Next" else "ana")
        assert page.url.endswith("?q=ana")
    page.get_by_role("button", name="Approve").first.click()
    shown(page, "#ended", "Approved by alice")
    page.locator(".beside a").last.focus()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{live_server.url}/?q=ana")


def test_without_scripts_a_link_leads_back_to_the_list(browser, live_server, alice, mails):
    factories.open_ticket("send_email", args={"to": "ana"})
    page = open_context(browser, java_script_enabled=False).new_page()
    sign_in(page, live_server.url, alice)
    page.goto(f"{live_server.url}/?q=ana")
    page.locator("#inbox-list a").click()
    assert page.locator(".beside").is_hidden()
    page.get_by_role("link", name="← Inbox").click()
    page.wait_for_url(f"{live_server.url}/?q=ana")
    page.context.close()
