"""One browser for a file of tests, a busy day to look at, and a database shared with web processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from playwright.sync_api import sync_playwright

from tests.browser.stage import GUEST, SOON, guests
from tests.browser.windows import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Any:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that keeps any error the browser reports."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SOON)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    connections.close_all()  # inside Playwright's loop this thread has connections of its own


@pytest.fixture
def test_database() -> Iterator[str]:
    """The address of the database this test writes to, for other processes, until all of them left it."""
    from approvals.live import hub  # this file is read before Django is set up

    found, host = connection.settings_dict, hub.listen_params().get("host", "")
    who = f"{found['USER']}:{found['PASSWORD']}@" if found["PASSWORD"] else f"{found['USER']}@"
    yield f"postgresql://{who}/{found['NAME']}?host={host}&application_name={GUEST}"
    while guests():  # a server process notices a moment later that its client has gone
        time.sleep(0.02)


@pytest.fixture
def scene(cast: dict[str, Any], transfers: Any) -> dict[str, str]:
    """The paths of the pages of a busy day, by name."""
    from tests.browser import scenes  # models can be imported once Django is set up

    return scenes.busy_day(cast)
