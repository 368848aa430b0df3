"""One browser for a file of tests, and a busy day to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import sync_playwright

from tests.browser.stage import SOON
from tests.browser.windows import CHROMIUM

#: What the browser says of a script, a style or a request that the policy of a page does not allow.
POLICY = "Content Security Policy"
_refused: list[str] = []


@pytest.fixture(scope="module")
def browser() -> Any:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        opening = chromium.new_context

        def open_and_listen(**options: Any) -> Any:
            context = opening(**options)
            context.on("console", lambda message: _refused.append(message.text) if POLICY in message.text else None)
            return context

        chromium.new_context = open_and_listen
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def nothing_is_refused_by_the_policy() -> Iterator[None]:
    """Whatever a test is about: no page of it breaks its own Content Security Policy."""
    _refused.clear()
    yield
    assert _refused == []


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
def scene(cast: dict[str, Any], transfers: Any) -> dict[str, str]:
    """The paths of the pages of a busy day, by name."""
    from tests.browser import scenes  # models can be imported once Django is set up

    return scenes.busy_day(cast) | scenes.rarer_pages(cast)


@pytest.fixture
def audited(cast: dict[str, Any], scene: dict[str, str]) -> dict[str, str]:
    """The pages for auditors; Alice is one then."""
    from tests.browser import scenes

    return scenes.for_auditors(cast)
