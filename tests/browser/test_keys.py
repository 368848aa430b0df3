"""The keyboard: a letter goes somewhere, never decides, and does nothing where somebody writes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from approvals.models import Decision, Snooze
from tests import factories
from tests.browser.stage import SOON, sign_in
from tests.browser.windows import needs_chromium, wait_for_letters

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def inbox(live_server: Any, page: Page, cast: Any) -> Page:
    """Alice's inbox with three tickets of one kind."""
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})
    for number in range(3):
        factories.open_ticket("send_email", args={"to": f"p{number}@example.com"})
    sign_in(page, live_server.url, cast["alice"])
    page.goto(live_server.url)
    return page


def spoken(page: Page) -> str:
    """All that a screen reader finds, with what only the style sheet says."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return "".join(node["name"]["value"] for node in nodes if node["role"]["value"] == "StaticText")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement === document.body ? '' : document.activeElement.innerText"))


def test_two_tickets_are_chosen_and_compared_with_keys_alone(inbox: Page) -> None:
    for key in ("j", "x", "j", "x"):
        inbox.keyboard.press(key)
    assert "p1@example.com" in focused(inbox)
    assert "2 selected" in spoken(inbox)
    inbox.locator("#selection button").first.focus()
    inbox.keyboard.press("Enter")
    expect(inbox.locator("h1")).to_have_text("2 tickets together", timeout=SOON)


def test_the_sheet_opens_and_closes_and_gives_the_focus_back(inbox: Page) -> None:
    inbox.keyboard.press("j")
    before = focused(inbox)
    inbox.keyboard.press("?")
    assert inbox.locator("#keys").is_visible()
    inbox.keyboard.press("Escape")
    assert not inbox.locator("#keys").is_visible()
    assert focused(inbox) == before


def test_letters_in_a_field_are_letters(inbox: Page) -> None:
    inbox.keyboard.press("/")
    inbox.keyboard.type("gdx?")
    assert inbox.locator("#search").input_value() == "gdx?"
    assert inbox.locator("#selection").is_hidden()


def test_two_letters_lead_to_another_list(inbox: Page) -> None:
    inbox.keyboard.type("gd")
    inbox.wait_for_url("**/decided/")


def test_no_letter_decides_anything(inbox: Page) -> None:
    inbox.keyboard.press("j")
    inbox.keyboard.press("o")
    inbox.wait_for_url("**/tickets/**")
    inbox.keyboard.type("aaaarrrreezz")
    assert not Decision.objects.exists()


def test_on_a_ticket_letters_lead_and_another_key_commits(inbox: Page) -> None:
    inbox.keyboard.press("j")
    inbox.keyboard.press("Enter")
    inbox.wait_for_url("**/tickets/**")
    wait_for_letters(inbox)
    inbox.keyboard.press("r")
    assert inbox.evaluate("document.activeElement.id") == "reject-message"
    inbox.keyboard.press("Escape")
    inbox.keyboard.press("a")
    assert focused(inbox).startswith("Approve")
    assert not Decision.objects.exists()
    inbox.keyboard.press("Enter")
    inbox.get_by_role("heading", name="Approved by alice").wait_for()


def test_letters_lead_to_the_next_ticket_and_back_and_past_the_end_to_the_inbox(inbox: Page) -> None:
    inbox.locator(".ticket-row a").first.click()
    for key, name in (("j", "p1@"), ("j", "p2@"), ("k", "p1@")):
        wait_for_letters(inbox)
        inbox.keyboard.press(key)
        expect(inbox.locator("h1")).to_contain_text(name)
    wait_for_letters(inbox)
    inbox.keyboard.press("j")
    expect(inbox.locator("h1")).to_contain_text("p2@")
    wait_for_letters(inbox)
    inbox.keyboard.press("j")
    expect(inbox.locator("#waiting-for-you")).to_be_visible()


def test_switched_off_letters_do_nothing(inbox: Page, live_server: Any) -> None:
    inbox.context.add_cookies([{"name": "countersign_keys", "value": "off", "url": live_server.url}])
    inbox.reload()
    inbox.keyboard.type("jx?")
    assert inbox.locator("#selection").is_hidden() and inbox.locator("#keys").is_hidden()


def test_behind_alt_a_letter_needs_alt(inbox: Page, live_server: Any) -> None:
    inbox.context.add_cookies([{"name": "countersign_keys", "value": "alt", "url": live_server.url}])
    inbox.reload()
    inbox.keyboard.press("j")
    assert "p0@example.com" not in focused(inbox)
    inbox.keyboard.press("Alt+j")
    assert "p0@example.com" in focused(inbox)


def test_what_nobody_opened_is_said_to_be_unread_until_it_is(inbox: Page) -> None:
    assert spoken(inbox).count("Not opened yet:") == 3
    inbox.locator(".ticket-row a").first.click()
    inbox.locator("#ticket").wait_for()
    inbox.goto(inbox.url.split("/tickets/")[0])
    assert spoken(inbox).count("Not opened yet:") == 2


def test_a_letter_leaves_a_row_unread_or_counts_it_as_read(inbox: Page) -> None:
    inbox.keyboard.press("j")
    for unread in (2, 3):
        with inbox.expect_response(lambda answer: "/seen/" in answer.url) as told:
            inbox.keyboard.press("u")
        assert told.value.status == 302
        assert spoken(inbox).count("Not opened yet:") == unread
        assert "p0@example.com" in focused(inbox)
        inbox.reload()
        assert spoken(inbox).count("Not opened yet:") == unread
        inbox.keyboard.press("j")


def test_from_the_list_a_letter_leads_to_not_now_and_another_key_commits(inbox: Page) -> None:
    inbox.keyboard.press("j")
    inbox.keyboard.press("s")
    inbox.wait_for_url("**/snooze/")
    assert inbox.evaluate("document.activeElement.id") == "snooze-seconds"
    inbox.keyboard.type("ssss")
    assert not Snooze.objects.exists()
    inbox.get_by_role("button", name="Put it off").focus()
    inbox.keyboard.press("Enter")
    expect(inbox.locator("#waiting-for-you")).to_have_text("2 waiting for you", timeout=SOON)
