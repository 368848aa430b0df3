"""When a request fails the page stays as it is, says so, and loses no words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect

from tests import daphne, factories
from tests.browser.stage import sign_in as session_of
from tests.browser.stage import until
from tests.browser.windows import fill_in, needs_chromium, open_context, sign_in

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]
WORDS = "Because the account is closed."


@pytest.fixture
def page(live_server: Any, browser: Browser, cast: Any, transfers: Any) -> Iterator[Page]:
    """Alice on a ticket, with a reason half written."""
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + factories.open_ticket().get_absolute_url())
    page.locator("#reject > summary").click()
    page.locator("#reject-message").fill(WORDS)
    yield page
    context.close()


def send(page: Page) -> None:
    page.get_by_role("button", name="Reject: Transfer money").click()


def test_token_that_is_too_old_leaves_the_page_and_the_words(page: Page) -> None:
    page.context.clear_cookies(name="countersign_csrf")
    send(page)
    page.locator("#problem").get_by_text("This page was open too long; nothing was sent.").wait_for()
    expect(page.locator("#reject-message")).to_have_value(WORDS)
    page.get_by_role("link", name="Load it again").click()
    expect(page.locator("#problem")).to_have_text("")
    expect(page.locator("#reject-message")).to_have_value(WORDS)


def test_session_that_ended_leads_to_sign_in_and_back_to_the_words(page: Page) -> None:
    here = page.url
    Session.objects.all().delete()
    send(page)
    page.wait_for_url(re.compile("/accounts/login/"))
    fill_in(page, "alice")
    page.wait_for_url(here)
    expect(page.locator("#reject-message")).to_have_value(WORDS)


def test_words_that_were_sent_are_not_kept(page: Page) -> None:
    send(page)
    page.get_by_role("heading", name="Rejected by alice").wait_for()
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('draft'))") == []


def test_page_of_a_proxy_is_not_put_into_ours(page: Page) -> None:
    page.route("**/decisions/", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    send(page)
    page.locator("#problem").get_by_text("The answer was an error (502).").wait_for()
    expect(page.locator("#reject-message")).to_have_value(WORDS)


def test_server_that_does_not_answer_is_said(page: Page) -> None:
    page.route("**/decisions/", lambda route: route.abort())
    send(page)
    page.locator("#problem").get_by_text("No answer came.").wait_for()
    expect(page.locator("#reject-message")).to_have_value(WORDS)


def test_words_are_kept_while_it_is_told_who_is_looking(page: Page) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("/presence/")):
        page.evaluate("htmx.trigger('[hx-post$=\"/presence/\"]', 'load')")
    page.reload()
    expect(page.locator("#reject-message")).to_have_value(WORDS)


def test_half_a_reason_and_half_an_edit_are_there_in_another_browser(
    page: Page, browser: Browser, live_server: Any, cast: Any
) -> None:
    page.get_by_text("Change the arguments").click()
    with page.expect_response(lambda answer: answer.url.endswith("/draft/") and "25x" in answer.request.post_data):
        page.get_by_label("Amount").fill("25x")
    other = open_context(browser).new_page()
    sign_in(other, live_server.url, "alice")
    other.goto(page.url)
    expect(other.locator("#reject-message")).to_have_value(WORDS)
    expect(other.get_by_label("Amount")).to_have_value("25x")
    other.context.close()


def test_a_loss_is_said_within_six_seconds(browser: Browser, cast: Any, test_database: str) -> None:
    page = open_context(browser).new_page()
    with daphne.serving(DATABASE_URL=test_database) as address:
        session_of(page, address, cast["alice"])
        page.clock.install()
        page.goto(address)
        expect(page.locator("#live-status")).to_have_text("Live")
        page.evaluate("addEventListener('htmx:wsClose', () => { window.isLost = true; })")
    until(page, "window.isLost")
    page.clock.run_for(6_000)
    said = page.locator("#live-status").inner_text()
    page.context.close()
    assert said == "Reconnecting…"
