"""A real browser on a real web process: what happens elsewhere appears, and nothing typed is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from approvals.live import hub
from tests import daphne, factories

CHROMIUM = Path("/usr/bin/chromium")
GUEST = "countersign-under-test"
SOON = 10_000  # ms; expectations end as soon as they hold

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium on this machine"),
]


@pytest.fixture
def test_database() -> Iterator[str]:
    """The address of the database this test writes to, for other processes, until all of them left it."""
    found, host = connection.settings_dict, hub.listen_params().get("host", "")
    who = f"{found['USER']}:{found['PASSWORD']}@" if found["PASSWORD"] else f"{found['USER']}@"
    yield f"postgresql://{who}/{found['NAME']}?host={host}&application_name={GUEST}"
    while guests():  # a server process notices a moment later that its client has gone
        time.sleep(0.02)


def guests() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [GUEST])
        return int(cursor.fetchone()[0])


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()
        connections.close_all()  # inside Playwright's loop this thread has connections of its own


@pytest.fixture
def page(browser: Any) -> Any:
    """A page that fails its test on any error the browser reports."""
    page = browser.new_context().new_page()
    page.set_default_timeout(SOON)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    return page


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


def shown(page: Any, selector: str, text: str | None = None) -> None:
    from playwright.sync_api import expect

    place = page.locator(selector)
    expect(place).to_contain_text(text, timeout=SOON) if text else expect(place).to_be_visible(timeout=SOON)


def test_ticket_arrives_without_reload_and_title_counts(page, alice, transfers, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        page.evaluate("document.body.dataset.loadedOnce = 'yes'")
        for number in (1, 2):
            ticket = elsewhere(factories.open_ticket)
            shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
            assert page.title().startswith(f"({number}) ")
        shown(page, "#inbox h1", "2 waiting for you")
        shown(page, "#announce", "new ticket")
        assert page.evaluate("document.body.dataset.loadedOnce") == "yes"
    assert not [problem for problem in page.problems if "WebSocket" not in problem]


def test_decision_in_another_process_shows_on_the_open_ticket(page, browser, alice, carol, transfers, test_database):
    ticket = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as one, daphne.serving(DATABASE_URL=test_database) as two:
        sign_in(page, one, alice)
        other = browser.new_context().new_page()
        sign_in(other, two, carol)
        for each, address in ((page, one), (other, two)):
            each.goto(f"{address}/tickets/{ticket.pk}/")
            shown(each, "#live-status", "Live")
        elsewhere(factories.decide, ticket, carol, "reject", message="Wrong account")
        for each in (page, other):
            shown(each, f"#ticket-{ticket.pk}-status", "Rejected")
            assert each.locator("#decide form").count() == 0


def test_typed_words_survive_a_decision_elsewhere(page, alice, carol, transfers, test_database):
    ticket = elsewhere(factories.open_ticket)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.evaluate("document.querySelectorAll('#decide details').forEach((d) => { d.open = true })")
        field = page.locator("#decide form textarea").first
        field.fill("Because the amount is")
        elsewhere(factories.decide, ticket, carol, "reject")
        shown(page, "#stale", "Your text is kept")
        assert field.input_value() == "Because the amount is"


def test_page_catches_up_after_the_server_was_away(page, alice, bob, transfers, test_database):
    port = daphne.free_port()
    with daphne.serving(port=port, DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        first = elsewhere(factories.open_ticket)
        shown(page, f"#ticket-row-{first.pk}")
    missed = [elsewhere(factories.open_ticket) for _ in range(3)]
    elsewhere(factories.decide, first, bob, "reject")
    shown(page, "#live-status", "Reconnecting")
    with daphne.serving(port=port, DATABASE_URL=test_database):
        for ticket in missed:
            shown(page, f"#inbox-list > #ticket-row-{ticket.pk}")
        shown(page, f"#ticket-row-{first.pk}", "Rejected")
        assert page.locator("#inbox-list > [data-state=pending]").count() == 3


def test_signing_out_in_another_tab_is_said(page, alice, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(address)
        shown(page, "#live-status", "Live")
        elsewhere(forget_sessions)
        page.locator("#live-status a", has_text="sign in to continue").wait_for(timeout=20_000)


def forget_sessions() -> None:
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()
