"""The lists as they live: what is unread, what asks for the same, and the list beside a ticket."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import claims
from tests import daphne, factories
from tests.browser.stage import elsewhere, shown, sign_in
from tests.browser.windows import needs_chromium

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]

UNREAD = "#inbox-list > :not(.ticket-row--seen)"


@pytest.fixture
def mails(cast: Any) -> None:
    """A policy by which one reviewer signs a mail."""
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})


def test_what_i_have_opened_stays_read_when_its_row_is_drawn_again(page, alice, bob, mails, test_database):
    ticket = elsewhere(factories.open_ticket, "send_email")
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, alice)
        page.goto(f"{address}/tickets/{ticket.pk}/")
        shown(page, "#live-status", "Live")
        page.goto(address)
        shown(page, "#live-status", "Live")
        assert page.locator(UNREAD).count() == 0
        elsewhere(claims.take, ticket.pk, person=bob)
        shown(page, f"#ticket-row-{ticket.pk}.ticket-row--seen", "bob is on it")
        other = elsewhere(factories.open_ticket, "send_email")
        shown(page, f"#ticket-row-{other.pk}")
        assert page.locator(UNREAD).count() == 1
