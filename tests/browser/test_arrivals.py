"""The first look at the pages that people open most is light."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests import daphne
from tests.browser.arrivals import first_look
from tests.browser.windows import needs_chromium

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]

MOST_WIRE, MOST_RAW = 60_000, 150_000


@pytest.mark.parametrize("name", ["inbox", "ticket_high"])
def test_the_first_look_is_light(
    browser: Browser, scene: dict[str, str], alice: Any, test_database: str, name: str
) -> None:
    with daphne.serving(DATABASE_URL=test_database) as address:
        came = first_look(browser, address, scene[name], alice)
    print(name, came)
    assert came.wire_bytes < MOST_WIRE
    assert came.raw_bytes < MOST_RAW
