"""One browser for a file of tests, and a busy day to look at."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import sync_playwright

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
def scene(cast: dict[str, Any], transfers: Any) -> dict[str, str]:
    """The paths of the pages of a busy day, by name."""
    from tests.browser import scenes  # models can be imported once Django is set up

    return scenes.busy_day(cast)
