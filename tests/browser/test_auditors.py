"""The record and the figures in a real browser: light and dark, desk and phone, and without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.windows import needs_chromium, open_context, problems_everywhere, sign_in, strangers

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


def test_the_pages_for_auditors_are_accessible_and_keep_to_the_policy_and_their_origin(
    live_server: Any, browser: Browser, audited: dict[str, str]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    abroad, found = strangers(page, live_server.url), {}
    for name, path in audited.items():
        page.goto(live_server.url + path)
        found[name] = problems_everywhere(page, name)
    context.close()
    assert {name: said for name, said in found.items() if said} == {}
    assert abroad == []


def test_the_record_is_searched_without_javascript(live_server: Any, browser: Browser, audited: dict[str, str]) -> None:
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("Person").fill("bob")
    page.get_by_label("Kind of entry").select_option("decision.recorded")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Ticket", exact=False).first.click()
    heading = page.get_by_role("heading", level=1).inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    written = download.value.path().read_text()
    context.close()
    assert heading.startswith("The record of ticket") and ",bob," in written
