"""On the smallest screen, with a wrong clock, in the admin: what holds wherever somebody looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.browser.stage import sign_in as session_of
from tests.browser.windows import SMALLEST, is_too_wide, needs_chromium, open_context, problems_everywhere, strangers

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


def test_nothing_scrolls_sideways_at_320_pixels_and_four_times_the_size(
    live_server: Any, browser: Browser, scene: dict[str, str], alice: Any
) -> None:
    page = open_context(browser).new_page()
    page.set_viewport_size(dict(zip(("width", "height"), SMALLEST, strict=True)))
    session_of(page, live_server.url, alice)
    wide = []
    for name, path in scene.items():
        page.goto(live_server.url + path)
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        wide += [name] if is_too_wide(page) else []
    page.goto(f"{live_server.url}{scene['ticket_critical']}approve/")
    wide += ["approve_critical"] if is_too_wide(page) else []
    page.context.close()
    assert wide == []


def box(page: Page, name: str) -> Any:
    return page.locator(".decide-bar").get_by_role("link", name=name).bounding_box()


def test_the_bar_of_a_phone_has_room_for_a_thumb_and_covers_no_field(
    live_server: Any, browser: Browser, scene: dict[str, str], alice: Any
) -> None:
    page = open_context(browser, size="phone").new_page()
    session_of(page, live_server.url, alice)
    page.goto(live_server.url + scene["ticket_medium"])
    reject, approve = box(page, "Reject…"), box(page, "Approve…")
    assert min(reject["height"], approve["height"]) >= 48
    assert approve["x"] - (reject["x"] + reject["width"]) >= 12
    page.locator(".decide-bar").get_by_role("link", name="Reject…").click()
    page.locator("#reject > summary").click() if not page.locator("#reject-message").is_visible() else None
    page.locator("#reject-message").focus()
    field, bar = page.locator("#reject-message").bounding_box(), page.locator(".decide-bar").bounding_box()
    page.context.close()
    assert field and bar and field["y"] + field["height"] <= bar["y"]


@pytest.mark.parametrize("theme", ["", "dark"])
def test_what_is_printed_is_dark_on_light_whatever_the_screen_shows(
    live_server: Any, browser: Browser, theme: str
) -> None:
    page = open_context(browser, scheme="dark").new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.emulate_media(media="print")
    ink = page.evaluate("getComputedStyle(document.body).color")
    page.context.close()
    assert float(ink.removeprefix("oklch(").split()[0]) < 0.5


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_wrong_clock_changes_no_deadline(
    live_server: Any, browser: Browser, cast: Any, alice: Any, minutes: int
) -> None:
    factories.make_policy("Mail", action="send_email", deadline_seconds=2 * 60 + 50, requirements={"reviewers": 1})
    ticket = factories.open_ticket("send_email")
    page = open_context(browser).new_page()
    page.clock.install(time=timezone.now() + timedelta(minutes=minutes))
    session_of(page, live_server.url, alice)
    page.goto(live_server.url + ticket.get_absolute_url())
    page.clock.run_for(3_000)
    due = page.locator("#decide [data-deadline]")
    expect(due.locator("time")).to_have_text("in 2 min")
    expect(due).to_have_class("deadline deadline--urgent")
    expect(page.locator("#decide")).to_contain_text("then it is closed without running")
    page.clock.fast_forward(3 * 60_000)
    expect(due).to_have_class("deadline deadline--over")
    factories.overdue(ticket)
    with page.expect_response(lambda answer: answer.url.endswith("/decisions/")) as told:
        page.get_by_role("button", name="Approve:").click()
    assert told.value.status == 409  # `too_late` of the contract
    expect(page.get_by_role("alert").filter(has_text="The deadline has passed")).to_be_visible()
    page.context.close()


def test_the_admin_keeps_to_the_policy_and_to_its_origin(
    live_server: Any, browser: Browser, scene: dict[str, str], admin: Any
) -> None:
    from tests.browser import scenes

    page = open_context(browser).new_page()
    session_of(page, live_server.url, admin)
    abroad, found = strangers(page, live_server.url), {}
    for name, path in scenes.for_admins().items():
        answer = page.goto(live_server.url + path)
        assert answer and answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"], name
        is_ours = name == "admin_operations"
        found[name] = problems_everywhere(page, name) if is_ours else page.evaluate("window.violations")
    page.context.close()
    assert {name: said for name, said in found.items() if said} == {}
    assert abroad == []
