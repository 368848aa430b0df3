"""Several people on one ticket: nothing typed is lost, nothing stale is sent, one letter decides nothing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from approvals.models import AuditEntry, Ticket
from tests import factories
from tests.browser.stage import elsewhere
from tests.browser.stage import sign_in as session_of
from tests.browser.windows import needs_chromium, open_context, wait_for_letters

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket(args_schema=factories.TRANSFER_SCHEMA)


def opened(browser: Browser, live_server: Any, user: Any, path: str) -> Page:
    page = open_context(browser).new_page()
    session_of(page, live_server.url, user)
    with page.expect_response(lambda answer: answer.url.endswith("/presence/")):
        page.goto(live_server.url + path)
    return page


def refresh(page: Page) -> None:
    """As a nudge over the socket does; this server has no socket."""
    page.evaluate(
        "document.body.dispatchEvent(Object.assign(new CustomEvent('htmx:wsBeforeMessage', {cancelable: true, detail:"
        " {message: document.querySelector('[id$=\"-live\"]').outerHTML}})))"
    )


def test_what_was_decided_elsewhere_stops_the_open_approval_and_keeps_its_words(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any, carol: Any
) -> None:
    page = opened(browser, live_server, alice, f"/tickets/{ticket.pk}/approve/")
    page.get_by_label("Why you approve it").fill("I know this payee")
    elsewhere(factories.decide, ticket, carol, "reject")
    refresh(page)
    expect(page.locator("#stale")).to_contain_text("Rejected by carol while you were writing.")
    expect(page.get_by_role("button", name="Approve:")).to_be_disabled()
    expect(page.get_by_label("Why you approve it")).to_have_value("I know this payee")
    page.context.close()


def test_an_edit_that_is_open_when_the_ticket_closes_can_not_be_sent_any_more(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any, carol: Any
) -> None:
    page = opened(browser, live_server, alice, f"/tickets/{ticket.pk}/edit/")
    page.get_by_label("Amount").fill("25")
    elsewhere(factories.decide, ticket, carol, "reject")
    refresh(page)
    expect(page.get_by_role("button", name="Look at the difference").locator("visible=true")).to_be_disabled()
    expect(page.get_by_label("Amount")).to_have_value("25")
    page.context.close()


def test_arguments_that_changed_since_are_not_approved_unseen(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any, carol: Any
) -> None:
    page = opened(browser, live_server, alice, f"/tickets/{ticket.pk}/approve/")
    page.get_by_label("I checked: amount 250").check()
    page.get_by_label("Why you approve it").fill("I know this payee")
    elsewhere(factories.decide, ticket, carol, "edit", args={"amount": 9000, "to": "bob"})
    entries = elsewhere(AuditEntry.objects.filter(ticket=ticket).count)
    page.get_by_role("button", name="Approve:").click()
    expect(page.get_by_role("alert").filter(has_text="have changed since")).to_contain_text("9000")
    assert elsewhere(AuditEntry.objects.filter(ticket=ticket).count) == entries
    page.context.close()


def test_a_field_that_was_dragged_larger_writes_no_style_into_the_page(
    live_server: Any, browser: Browser, ticket: Ticket, carol: Any, erin: Any
) -> None:
    page = opened(browser, live_server, erin, ticket.get_absolute_url())
    page.locator("#reject-message").evaluate("field => { field.style.height = '222px' }")  # as its corner does
    elsewhere(factories.decide, ticket, carol)
    refresh(page)
    expect(page.locator("#signing")).to_have_text("1 of 2 signed")
    assert page.evaluate("violations") == []
    page.context.close()


def test_an_answer_about_who_is_looking_swallows_no_letter(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any
) -> None:
    page = opened(browser, live_server, alice, ticket.get_absolute_url())
    wait_for_letters(page)
    page.evaluate(
        "new Promise(done => { addEventListener('htmx:afterSettle', () => done(), { once: true });"
        " htmx.trigger('[data-live-region]', 'htmx:load') })"
    )
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.id") == "reject-message"
    page.context.close()


def test_a_letter_rests_on_a_ticket_that_has_just_changed(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any
) -> None:
    page = opened(browser, live_server, alice, ticket.get_absolute_url())
    wait_for_letters(page)
    page.evaluate(
        "htmx.trigger('#ticket', 'htmx:afterSettle');"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'r', bubbles: true }))"
    )
    assert page.evaluate("document.activeElement.id") != "reject-message"
    wait_for_letters(page)
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.id") == "reject-message"
    page.context.close()


def test_a_page_that_was_asked_for_before_a_decision_does_not_draw_over_it(
    live_server: Any, browser: Browser, ticket: Ticket, carol: Any
) -> None:
    page, late = opened(browser, live_server, carol, ticket.get_absolute_url()), []

    def hold(route: Route) -> None:
        late.append((route, route.fetch()))

    page.route(page.url, hold, times=1)
    refresh(page)
    while not late:
        page.wait_for_timeout(20)
    page.locator("#reject > summary").click()
    page.locator("#reject-message").fill("We do not know them.")
    page.get_by_role("button", name="Reject:").click()
    ended = page.get_by_role("heading", name="Rejected by carol")
    ended.wait_for()
    with page.expect_response(page.url):
        late[0][0].fulfill(response=late[0][1])
    page.wait_for_load_state("networkidle")
    expect(ended).to_be_visible()
    page.context.close()


def test_who_else_is_deciding_is_shown(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any, carol: Any
) -> None:
    hers = opened(browser, live_server, alice, f"/tickets/{ticket.pk}/approve/")
    page = opened(browser, live_server, carol, ticket.get_absolute_url())
    expect(page.get_by_text("alice is deciding")).to_be_visible()
    hers.context.close()
    page.context.close()


def test_whoever_typed_nothing_is_shown_the_fresh_page_and_no_word_of_writing(
    live_server: Any, browser: Browser, ticket: Ticket, carol: Any, erin: Any
) -> None:
    page = opened(browser, live_server, erin, f"/tickets/{ticket.pk}/approve/")
    elsewhere(factories.decide, ticket, carol)
    refresh(page)
    expect(page.locator("#ticket")).to_contain_text("Your signature releases it.")
    expect(page.locator("#stale")).to_have_count(0)
    page.context.close()


def test_a_signature_that_arrives_ends_the_word_that_its_signer_is_deciding(
    live_server: Any, browser: Browser, ticket: Ticket, carol: Any, erin: Any
) -> None:
    hers = opened(browser, live_server, carol, f"/tickets/{ticket.pk}/approve/")
    page = opened(browser, live_server, erin, ticket.get_absolute_url())
    expect(page.get_by_text("carol is deciding")).to_be_visible()
    elsewhere(factories.decide, ticket, carol)
    refresh(page)
    expect(page.get_by_text("carol is looking")).to_be_visible()
    hers.context.close()
    page.context.close()


def test_a_list_is_changed_without_javascript(live_server: Any, browser: Browser, transfers: Any, alice: Any) -> None:
    schema = {
        "properties": {
            "amount": {"type": "number"},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
            },
        }
    }
    ticket = factories.open_ticket(args={"amount": 1, "lines": [{"item": "chair"}]}, args_schema=schema)
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    session_of(page, live_server.url, alice)
    page.goto(f"{live_server.url}/tickets/{ticket.pk}/edit/")
    page.get_by_role("button", name="Add one to Lines").click()
    page.get_by_label("Item").nth(1).fill("table")
    page.get_by_role("button", name="Take out Lines 1").click()
    page.get_by_role("button", name="Look at the difference").first.click()
    page.get_by_label("I checked:").check()
    page.get_by_label("Why you change it").fill("They are out of chairs.")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", name="What was changed")).to_be_visible()
    context.close()
    assert Ticket.objects.get().args == {"amount": 1, "lines": [{"item": "table"}]}


def test_the_typed_value_alone_releases_what_cannot_be_undone(
    live_server: Any, browser: Browser, cast: dict[str, Any]
) -> None:
    factories.make_policy(
        "Purge", action="purge", risk="critical", gate="manual", confirm="{name}", requirements={"reviewers": 1}
    )
    ticket = factories.open_ticket("purge", args={"name": "acme"})
    page = opened(browser, live_server, cast["alice"], f"/tickets/{ticket.pk}/approve/")
    expect(page.get_by_role("link", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("I checked: name acme").check()
    page.get_by_label("Why you approve it").fill("They asked in writing")
    page.get_by_label("Type acme to confirm").fill("acme")
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Approve:").click()
    expect(page.get_by_role("alert").filter(has_text="Confirm that it is you")).to_be_visible()
    page.context.close()
    assert Ticket.objects.get(pk=ticket.pk).state == "pending"


def test_nothing_that_is_held_down_or_typed_decides(
    live_server: Any, browser: Browser, ticket: Ticket, alice: Any
) -> None:
    page = opened(browser, live_server, alice, ticket.get_absolute_url())
    wait_for_letters(page)
    for _ in range(20):
        page.keyboard.down("a")
    page.keyboard.up("a")
    page.wait_for_url("**/approve/")
    page.keyboard.type("aaaa")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Your approval")).to_be_visible()
    page.context.close()
    assert Ticket.objects.get().decisions.count() == 0
