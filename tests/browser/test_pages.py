"""Every page in a real browser: light and dark, desk and phone; no CSP violation, nothing for axe to find."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog

from approvals import wording
from approvals.models import Ticket
from tests.browser.windows import needs_chromium, open_context, problems, problems_everywhere, sign_in, strangers

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


def test_every_page_is_accessible_keeps_to_the_policy_and_to_its_origin(
    live_server: Any, browser: Browser, scene: dict[str, str]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    abroad, found = strangers(page, live_server.url), {}

    def look(name: str) -> None:
        found[name] = problems_everywhere(page, name)

    page.goto(f"{live_server.url}/accounts/login/")
    look("login")
    sign_in(page, live_server.url, "alice")
    for name, path in scene.items():
        page.goto(live_server.url + path)
        if "reauthenticate" in page.url:
            page.get_by_label("Password").fill(os.environ["COUNTERSIGN_DEMO_PASSWORD"])
            page.get_by_role("button", name="Confirm").click()
            page.wait_for_url(live_server.url + path)
        look(name)
    for name in ("high", "critical"):
        page.goto(f"{live_server.url}{scene[f'ticket_{name}']}approve/")
        page.get_by_role("button", name="Approve:").click()
        page.get_by_role("alert").get_by_role("link").first.wait_for()
        look(f"approve_{name}")
    page.goto(live_server.url + scene["ticket_high"])
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    look("ticket_open")
    page.get_by_label("Amount", exact=False).first.fill("a lot")
    page.get_by_role("button", name="Look at the difference").first.click()
    page.get_by_role("alert").get_by_role("link").wait_for()
    look("ticket_error")
    page.get_by_label("Amount", exact=False).first.fill("205")
    page.get_by_role("button", name="Look at the difference").first.click()
    page.get_by_role("heading", name="Was → will be").wait_for()
    look("ticket_review")
    page.goto(live_server.url + scene["ticket_secret"])
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Shown to you, on record").wait_for()
    look("ticket_secret_shown")
    context.close()
    assert {name: said for name, said in found.items() if said} == {}
    assert abroad == []


def test_hostile_words_run_nothing_and_show_what_cannot_be_seen(
    live_server: Any, browser: Browser, scene: dict[str, str]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + scene["ticket_high"])
    page.get_by_text("The agent’s own explanation, unverified").click()
    words = page.locator(".agent-words").inner_text()
    context.close()
    assert dialogs == []
    assert "⟨U+202E⟩" in words
    assert "⟨U+200B⟩" in words
    assert "<script>" in words


def test_approving_swaps_the_ticket_in_place(live_server: Any, browser: Browser, scene: dict[str, str]) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + scene["ticket_medium"])
    page.get_by_role("button", name="Approve: Send email").click()
    page.get_by_role("heading", name="Approved by alice").wait_for()
    said = problems(page)
    context.close()
    assert said == []


def test_everything_can_be_decided_without_javascript(
    live_server: Any, browser: Browser, scene: dict[str, str]
) -> None:
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.get_by_role("link", name="Transfer money: amount 250.5").click()
    page.get_by_text("Change the arguments").click()
    page.get_by_label("Amount").fill("205")
    page.get_by_role("button", name="Look at the difference").first.click()
    page.get_by_label("I checked: amount 205").check()
    page.get_by_label("Why you change it").fill("The invoice says 205.")
    page.get_by_role("button", name="Save the changes and approve").click()
    page.get_by_role("heading", name="What was changed").wait_for()
    ticket = Ticket.objects.get(thread_id="invoice-2201")
    context.close()
    assert (ticket.revision, ticket.args["amount"]) == (2, 205)


def test_page_and_server_put_times_into_the_same_words(live_server: Any, browser: Browser, cast: Any) -> None:
    lengths = [*range(0, 7_400, 7), *range(7_200, 100_000, 997), *range(100_000, 900_000, 7_919)]
    page = browser.new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    said = page.evaluate(
        "async all => { const { span } = await import('/static/js/countdown.js'); return all.map(span) }", lengths
    )
    page.close()
    assert said == [wording.span(timedelta(seconds=length)) for length in lengths]


@pytest.mark.parametrize("name", ["ticket_edited", "ticket_high", "ticket_critical"])
def test_approve_is_in_sight_without_scrolling(
    live_server: Any, browser: Browser, scene: dict[str, str], name: str
) -> None:
    context = open_context(browser)
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, live_server.url, "bob")
    page.goto(live_server.url + scene[name])
    place = page.get_by_role("link", name="Approve:").bounding_box()
    context.close()
    assert place and place["y"] + place["height"] <= 800
