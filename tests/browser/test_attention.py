"""Claims, escalations and snoozes reach the pages that are open."""

from __future__ import annotations

import pytest

from approvals import claims, deadlines, snoozes
from tests import daphne, factories
from tests.browser.stage import elsewhere, shown, sign_in
from tests.browser.windows import needs_chromium

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_chromium,
]


@pytest.fixture
def ticket(cast):
    factories.make_policy(requirements={"reviewers": 1}, steps=[("security", 1, 7200)])
    return elsewhere(factories.open_ticket)


def test_an_escalation_brings_back_what_was_put_off_and_reaches_the_next_group(
    page, browser, ticket, alice, frank, test_database
):
    elsewhere(snoozes.put_off, ticket.pk, person=alice, seconds=600)
    with daphne.serving(DATABASE_URL=test_database) as address:
        other = browser.new_context().new_page()
        for each, who in ((page, alice), (other, frank)):
            sign_in(each, address, who)
            each.goto(address)
            shown(each, "#live-status", "Live")
        snoozed = page.context.new_page()
        snoozed.goto(f"{address}/?tab=snoozed")
        shown(snoozed, "#live-status", "Live")
        shown(snoozed, f"#snoozed-list > #ticket-row-{ticket.pk}")
        elsewhere(lambda: deadlines.expire(factories.overdue(ticket).pk))
        for each in (page, other):
            shown(each, f"#inbox-list > #ticket-row-{ticket.pk}", "escalated to security")
            shown(each, "#inbox h1", "1 waiting for you")
        snoozed.locator(f"#ticket-row-{ticket.pk}").wait_for(state="detached")
        other.context.close()


def test_a_colleague_s_claim_shows_beside_what_i_am_typing(page, ticket, alice, bob, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.locator("#reject summary").click()
        page.locator("#reject-message").fill("Because the amount is")
        elsewhere(claims.take, ticket.pk, person=bob)
        shown(page, f"#ticket-{ticket.pk}-attention", "bob is on it")
        assert page.locator("#reject-message").input_value() == "Because the amount is"
        assert page.locator("#stale").count() == 0


def test_a_lapsed_claim_leaves_the_page_by_itself(page, ticket, alice, bob, test_database):
    elsewhere(claims.take, ticket.pk, person=bob)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.clock.install()
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, ".attention__claim", "bob is on it")
        page.clock.fast_forward("10:00")
        page.locator(".attention__claim").wait_for(state="hidden")
