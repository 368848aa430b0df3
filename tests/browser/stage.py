"""What every browser test needs around a page: work done elsewhere, a session, patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.test import Client

GUEST = "countersign-under-test"
SOON = 10_000  # ms; expectations end as soon as they hold


def guests() -> int:
    """How many other processes are connected to the test's database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [GUEST])
        return int(cursor.fetchone()[0])


def elsewhere(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """In a thread without Playwright's loop and on its own connection, committed."""
    found: list[Any] = []

    def run() -> None:
        found.append(call(*args, **kwargs))
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def sign_in(page: Any, address: str, user: Any) -> None:
    """With the session of a signed-in user, as after the sign-in page."""
    client = Client()
    elsewhere(client.force_login, user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": address}])


def until(page: Any, expression: str, arg: Any = None) -> Any:
    """Wait until it is true in the page, and what it is then.

    The library's own way has the page run a text, which its policy forbids from the second look on.
    """
    last = time.monotonic() + SOON / 1_000
    while not (found := page.evaluate(expression, arg)):
        assert time.monotonic() < last, f"not true in time: {expression}"
        page.wait_for_timeout(20)
    return found


def shown(page: Any, selector: str, text: str | None = None) -> None:
    """Wait until it is there."""
    from playwright.sync_api import expect

    place = page.locator(selector)
    expect(place).to_contain_text(text, timeout=SOON) if text else expect(place).to_be_visible(timeout=SOON)
