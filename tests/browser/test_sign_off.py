"""Gates, recall and sign-off in a real browser: what a reviewer sees, light and dark, at the desk and on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from approvals.contract import NewDecision
from approvals.decisions import record
from approvals.models import Ticket
from approvals.states import Channel
from tests import factories
from tests.browser.windows import needs_chromium, open_context, problems_everywhere, sign_in, strangers

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


def approve(ticket: Ticket, reviewer: Any) -> Ticket:
    """A click on the button."""
    decision = NewDecision(type="approve", digest=ticket.digest)
    return record(ticket.pk, reviewer=reviewer, decision=decision, via=Channel.BROWSER)


@pytest.fixture
def gates(cast: dict[str, Any]) -> dict[str, Ticket]:
    """A ticket behind each kind of gate and in each stage of signing."""
    one = {"reviewers": 1}
    factories.make_policy("Typed", action="purge", gate="manual", risk="critical", confirm="{name}", requirements=one)
    late = {"on_timeout": "approve", "deadline_seconds": 250}
    factories.make_policy("Soft", action="tidy", gate="soft", requirements=one, **late)
    factories.make_policy("Held", action="send", recall_seconds=3000, requirements=one)
    factories.make_policy(
        "Blind", action="pay", blind=True, deny_threshold=2, requirements={"reviewers": 2, "finance": 1}
    )
    factories.make_policy("Ordered", action="ship", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    factories.make_policy("Stuck", action="launch", risk="high", requirements={"pirates": 2, "reviewers": 1})
    found = {
        "manual": factories.open_ticket("purge", args={"name": "acme & sons"}),
        "soft": factories.open_ticket("tidy", args={"folder": "inbox"}),
        "held": factories.open_ticket("send", args={"to": "ana@example.com"}),
        "blind": factories.open_ticket("pay", args={"amount": 20}),
        "waiting": factories.open_ticket("ship", args={"item": "chairs"}),
        "stuck": factories.open_ticket("launch", args={"site": "shop"}),
    }
    approve(found["held"], cast["alice"])
    factories.decide(found["blind"], cast["carol"], message="The invoice is right.")
    return found


def test_every_stage_is_accessible_keeps_to_the_policy_and_to_its_origin(
    live_server: Any, browser: Browser, gates: dict[str, Ticket]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    abroad, found = strangers(page, live_server.url), {}
    for name, ticket in gates.items():
        page.goto(live_server.url + ticket.get_absolute_url())
        page.locator("details.fold").evaluate_all("all => all.forEach(one => one.open = true)")
        found[name] = problems_everywhere(page, f"gate_{name}")
    context.clear_cookies()
    sign_in(page, live_server.url, "admin")
    found["inbox"] = problems_everywhere(page, "gate_inbox")
    context.close()
    assert {name: said for name, said in found.items() if said} == {}
    assert abroad == []


@pytest.mark.parametrize("has_scripts", [True, False])
def test_the_confirmation_is_typed_and_asked_for_again_where_it_is_wrong(
    live_server: Any, browser: Browser, gates: dict[str, Ticket], has_scripts: bool
) -> None:
    context = open_context(browser, java_script_enabled=has_scripts)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + gates["manual"].get_absolute_url())
    page.get_by_role("link", name="Approve: Purge").click()
    field = page.get_by_label("Type acme & sons to confirm")
    field.fill("yes")
    page.get_by_label("I checked: name acme & sons").check()
    page.get_by_label("Why you approve it").fill("They asked for it in writing.")
    page.get_by_role("button", name="Approve: Purge").click()
    expect(page.get_by_role("alert").filter(has_text="Type “acme & sons” to confirm")).to_be_visible()
    expect(field).to_have_value("yes")
    expect(page.get_by_label("Why you approve it")).to_have_value("They asked for it in writing.")
    field.fill("acme & sons")
    page.get_by_role("button", name="Approve: Purge").click()
    expect(page.get_by_role("heading", name="Releasing in")).to_be_visible()
    context.close()


def test_an_edit_is_confirmed_with_what_it_says_itself(
    live_server: Any, browser: Browser, gates: dict[str, Ticket]
) -> None:
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + gates["manual"].get_absolute_url())
    page.get_by_text("Change the arguments").click()
    form = page.locator("#edit form").first
    form.get_by_label("Name").fill("acme ltd")
    form.get_by_role("button", name="Look at the difference").click()
    form.get_by_role("button", name="Save the changes").click()
    form.get_by_label("Type acme ltd to confirm").fill("acme ltd")
    form.get_by_label("Why you change it").fill("A new name.")
    form.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", name="What was changed")).to_be_visible()
    context.close()
    assert Ticket.objects.get(pk=gates["manual"].pk).args == {"name": "acme ltd"}


@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_approval_counts_down_and_is_recalled(
    live_server: Any, browser: Browser, gates: dict[str, Ticket], has_scripts: bool
) -> None:
    context = open_context(browser, java_script_enabled=has_scripts)
    page = context.new_page()
    sign_in(page, live_server.url, "bob")
    page.goto(live_server.url + gates["held"].get_absolute_url())
    expect(page.get_by_role("heading", name=re.compile("Releasing in 49 min"))).to_be_visible()
    page.get_by_role("button", name="Recall").click()
    expect(page.get_by_text("The approval is taken back.")).to_be_visible()
    expect(page.get_by_role("heading", name="0 of 1 signed")).to_be_visible()
    context.close()
    assert Ticket.objects.get(pk=gates["held"].pk).state == "pending"
