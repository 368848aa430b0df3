"""A real browser on a real web process: what happens elsewhere appears, and nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import daphne, factories
from tests.browser.stage import elsewhere, shown, sign_in, until
from tests.browser.windows import needs_chromium

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_chromium,
]


def test_ticket_arrives_without_reload_and_title_counts(page, alice, transfers, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        page.evaluate("document.body.dataset.loadedOnce = 'yes'")
        for number in (1, 2):
            ticket = elsewhere(factories.open_ticket)
            shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
            assert page.title().startswith(f"({number}) ")
            shown(page, "[data-tab='']", str(number))
        shown(page, "#inbox h1", "2 waiting for you")
        shown(page, "#announce", "new ticket")
        assert page.evaluate("document.body.dataset.loadedOnce") == "yes"
    assert not [problem for problem in page.problems if "WebSocket" not in problem]


def test_decision_in_another_process_shows_on_the_open_ticket(page, browser, alice, carol, transfers, test_database):
    ticket = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as one, daphne.serving(DATABASE_URL=test_database) as two:
        sign_in(page, one, alice)
        other = browser.new_context().new_page()
        sign_in(other, two, carol)
        for each, address in ((page, one), (other, two)):
            each.goto(f"{address}/tickets/{ticket.pk}/")
            shown(each, "#live-status", "Live")
        elsewhere(factories.decide, ticket, carol, "reject", message="Wrong account")
        for each in (page, other):
            shown(each, f"#ticket-{ticket.pk}-status", "Rejected")
            assert each.locator("#decide form").count() == 0


def test_typed_words_survive_a_decision_elsewhere(page, alice, carol, transfers, test_database):
    ticket = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.locator("#reject > summary").click()
        field = page.locator("#reject-message")
        field.fill("Because the amount is")
        elsewhere(factories.decide, ticket, carol, "reject")
        shown(page, "#stale", "Your text is kept")
        assert field.input_value() == "Because the amount is"


def test_page_catches_up_after_the_server_was_away(page, alice, bob, transfers, test_database):
    port = daphne.free_port()
    with daphne.serving(port=port, DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        first = elsewhere(factories.open_ticket)
        shown(page, f"#ticket-row-{first.pk}")
    missed = [elsewhere(factories.open_ticket) for _ in range(3)]
    elsewhere(factories.decide, first, bob, "reject")
    shown(page, "#live-status", "Reconnecting")
    with daphne.serving(port=port, DATABASE_URL=test_database):
        for ticket in missed:
            shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
        shown(page, f"#ticket-row-{first.pk}", "Rejected")
        assert page.locator("#inbox-list > [data-state=pending]").count() == 3


@pytest.fixture
def hurried(transfers):
    """A policy whose tickets are due long before those of the transfers."""
    factories.make_policy("Pages", action="page_someone", deadline_seconds=600, requirements={"reviewers": 1})


def order_of(page: Any) -> list[str]:
    return page.locator("#inbox-list > li").evaluate_all("rows => rows.map(row => row.id)")


def test_row_that_arrives_stands_where_a_reload_puts_it(page, alice, hurried, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        for action in ("transfer_money", "page_someone", "transfer_money", "page_someone"):
            ticket = elsewhere(factories.open_ticket, action, args={"amount": len(order_of(page)) + 1, "to": "bob"})
            shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
        shown(page, "#next-deadline", "min.")
        before, due = order_of(page), page.locator("#next-deadline time").get_attribute("datetime")
        page.reload()
        assert order_of(page) == before
        assert page.locator("#next-deadline time").get_attribute("datetime") == due
        assert re.fullmatch(r"Next deadline: in (9|10) min\.", page.locator("#next-deadline").inner_text())


def test_no_row_moves_under_a_pointer(page, alice, hurried, test_database):
    slow = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        page.wait_for_load_state("networkidle")  # what it may have missed until it was live has come
        row = page.locator(f"#ticket-row-{slow.pk}")
        row.hover()
        place = row.bounding_box()
        ticket = elsewhere(factories.open_ticket, "page_someone")
        shown(page, "#newcomers", "1 new")
        assert row.bounding_box() == place
        assert page.title().startswith("(2) ")
        page.mouse.move(0, 0)
        shown(page, f"#inbox-list > #ticket-row-{ticket.pk}:first-child")
        assert page.locator("#newcomers").is_hidden()
        page.keyboard.press("k")
        place = row.bounding_box()
        ticket = elsewhere(factories.open_ticket, "page_someone", args={"to": "bob"})
        shown(page, "#newcomers", "1 new")
        assert row.bounding_box() == place
        page.keyboard.press("n")
        shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
        assert row.evaluate("row => row.contains(document.activeElement)")


def test_own_vote_elsewhere_moves_the_row_and_every_tab_counts(page, alice, transfers, test_database):
    ticket, other = elsewhere(factories.open_ticket), elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        run, others = page.context.new_page(), page.context.new_page()
        page.goto(address)
        run.goto(f"{address}/tickets/{other.pk}/?risk=high")  # the list beside it is drawn by the server
        others.goto(f"{address}/?tab=others")
        for each in (page, run, others):
            shown(each, "#live-status", "Live")
            until(each, "document.title.startsWith('(2) ')")
        run.evaluate(
            "() => { window.bare = []; new MutationObserver(() => document.title.startsWith('(')"
            " || bare.push(document.title)).observe(document.querySelector('title'), {childList: true}); }"
        )
        elsewhere(factories.decide, ticket, alice)
        page.locator(f"#ticket-row-{ticket.pk}").wait_for(state="detached")
        shown(page, "#inbox h1", "1 waiting for you")
        shown(page, "[data-tab=others]", "1")
        shown(others, f"#ticket-row-{ticket.pk} a[href$='/tickets/{ticket.pk}/?tab=others']")  # as after a reload
        for each in (page, run):
            until(each, "document.title.startsWith('(1) ')")
        run.locator(f".beside #ticket-row-{ticket.pk}").wait_for(state="detached")
        assert run.evaluate("bare") == []


def test_a_socket_that_falls_silent_is_not_live(page, alice, transfers, test_database):
    ticket = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.clock.install()
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.clock.fast_forward("00:47")
        shown(page, "#live-status", "Not live – updated")


def test_many_at_once_are_announced_in_one_sentence_and_the_clock_is_silent(page, alice, transfers, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        assert page.locator("#announce, #announce-now").all_inner_texts() == ["", ""]
        page.evaluate(
            "() => { window.said = []; for (const id of ['announce', 'announce-now']) new MutationObserver("
            "() => said.push(document.getElementById(id).textContent)).observe(document.getElementById(id),"
            " {childList: true, characterData: true, subtree: true}); }"
        )
        shown(page, "#live-status", "Live")
        elsewhere(lambda: [factories.open_ticket(args={"amount": n + 1, "to": "bob"}) for n in range(10)])
        shown(page, "#announce", "10 new tickets")
        assert page.evaluate("said") == ["10 new tickets"]
        assert page.locator("[aria-live] time, [role=status] time, [role=alert] time").count() == 0


def test_signing_out_in_another_tab_is_said(page, alice, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        elsewhere(forget_sessions)
        page.locator("#live-status a", has_text="sign in to continue").wait_for(timeout=20_000)


def forget_sessions() -> None:
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


def test_what_is_shown_on_record_stays_until_it_is_hidden(page, alice, transfers, test_database):
    ticket = elsewhere(factories.open_ticket, args={"amount": 20, "to": "bob", "password": "correct horse"})
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.get_by_role("button", name="Show it, on record").click()
        shown(page, f"#ticket-{ticket.pk}-history", "looked at the hidden values")
        shown(page, "details.secrets", "correct horse")
