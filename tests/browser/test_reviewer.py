"""A reviewer's whole way through the pages: by keyboard alone, without scripts, in error, as a newcomer, in a race."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from approvals.models import AuditEntry, Decision, Ticket
from tests import factories
from tests.browser.stage import elsewhere, until
from tests.browser.stage import sign_in as session_of
from tests.browser.windows import needs_chromium, open_context, sign_in, wait_for_letters

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mail(cast: Any) -> Ticket:
    """Medium risk, one signature, held for a minute."""
    factories.make_policy("Mail", action="send_email", risk="medium", recall_seconds=60, requirements={"reviewers": 1})
    schema = {"type": "object", "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}}}
    return factories.open_ticket("send_email", args={"to": "ana@example.com", "copies": 20}, args_schema=schema)


def opened(browser: Browser, live_server: Any, user: Any, path: str = "/", **options: Any) -> Page:
    page = open_context(browser, **options).new_page()
    session_of(page, live_server.url, user)
    page.goto(live_server.url + path)
    return page


#: What has the focus, or why one could not tell where it is.
FOCUS = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return 'nowhere';
    const styles = [getComputedStyle(at), getComputedStyle(at, '::after')], box = at.getBoundingClientRect();
    const isMarked = styles.some(one => one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) >= 2);
    if (!isMarked) return `unmarked ${at.outerHTML}`;
    if (box.bottom <= 0 || box.top >= innerHeight) return `out of sight ${at.outerHTML}`;
    const y = Math.min(Math.max(box.y + box.height / 2, 1), innerHeight - 1);
    const over = document.elementFromPoint(box.x + box.width / 2, y);
    return at === over || at.contains(over) || over?.contains(at) ? at.innerText || at.id : `covered ${at.outerHTML}`;
}"""
#: How it says so.
LOST = "^(nowhere|unmarked|out of sight|covered)"


def at(page: Page, words: str) -> None:
    """The focus is seen, and on this."""
    seen = f"words => {{ const at = ({FOCUS})(); return !/{LOST}/.test(at) && at.includes(words); }}"
    until(page, seen, words)


def tab_to(page: Page, words: str) -> None:
    """With the tab key alone; the focus is seen at every stop on the way."""
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        assert not re.match(LOST, found), found
        if words in found:
            return
    raise AssertionError(f"no tab leads to {words!r}")


def test_from_the_inbox_to_an_edit_and_back_with_the_keyboard_alone(
    live_server: Any, browser: Browser, mail: Ticket, alice: Any
) -> None:
    page = opened(browser, live_server, alice)
    page.keyboard.press("j")
    at(page, "ana@example.com")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets/**")
    wait_for_letters(page)
    page.keyboard.press("e")
    at(page, "arg-0")
    tab_to(page, "arg-1")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    tab_to(page, "Look at the difference")
    page.keyboard.press("Enter")
    at(page, "Was → will be")
    tab_to(page, "reason")
    page.keyboard.type("Two will do.")
    tab_to(page, "Save the changes and approve")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Releasing").wait_for()
    at(page, "copies 2")
    wait_for_letters(page)
    page.keyboard.press("z")
    at(page, "Recall")
    page.keyboard.press("Enter")
    page.get_by_text("The approval is taken back.").wait_for()
    at(page, "copies 2")
    with page.expect_response(lambda answer: answer.url == page.url):
        page.evaluate("htmx.trigger('body', 'countersign:returns')")  # as when something of it changes elsewhere
    page.wait_for_load_state("networkidle")
    at(page, "copies 2")
    page.context.close()
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.args["copies"], ticket.delivered_at) == ("pending", 2, None)


def test_a_newcomer_is_through_the_practice_in_nine_actions(
    live_server: Any, browser: Browser, cast: Any, alice: Any
) -> None:
    page = opened(browser, live_server, alice)
    acts = [
        lambda: page.get_by_role("link", name="Practise").click(),
        lambda: page.get_by_role("button", name="Approve: Post note").click(),
        lambda: page.get_by_label("Amount").fill("420"),
        lambda: page.get_by_role("button", name="Look at the difference").click(),
        lambda: page.get_by_role("button", name="Save the changes and approve").click(),
        lambda: page.get_by_label("I checked:").check(),
        lambda: page.get_by_label("Why you approve it").fill("They asked for it."),
        lambda: page.get_by_label("Type acme-trial to confirm").fill("acme-trial"),
        lambda: page.get_by_role("button", name="Approve: Purge account").click(),
    ]
    for act in acts:
        act()
    expect(page.get_by_text("You are set")).to_be_visible()
    expect(page.locator("#practice")).to_have_count(0)
    page.context.close()
    assert len(acts) <= 12
    assert not AuditEntry.objects.filter(ticket__isnull=False).exists()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_what_is_wrong_is_summed_up_and_leads_to_its_field(
    live_server: Any, browser: Browser, mail: Ticket, alice: Any, has_scripts: bool
) -> None:
    page = opened(browser, live_server, alice, f"/tickets/{mail.pk}/", java_script_enabled=has_scripts)
    page.get_by_text("Change the arguments").click()
    page.locator("#arg-1").fill("many")
    page.get_by_role("button", name="Look at the difference").first.click()
    summary = page.get_by_role("alert").filter(has_text="There is a problem")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile(r"^Error: \(1\) Send email" if has_scripts else "^Error: Send email"))
    summary.get_by_role("link").click()
    expect(page.locator("#arg-1")).to_be_focused()
    expect(page.locator("#arg-1")).to_have_value("many")
    page.context.close()


def test_sign_in_filter_approve_reject_and_answer_without_javascript(
    live_server: Any, browser: Browser, cast: Any
) -> None:
    factories.make_policy("Mail", risk="low", requirements={"reviewers": 1})
    for action in ("send_email", "order", "ask_colleague"):
        factories.open_ticket(action, args={"to": "ana"})
    page = open_context(browser, java_script_enabled=False).new_page()
    sign_in(page, live_server.url, "alice")
    for action, fold, field, button, is_last in (
        ("send_email", "", "", "Approve:", False),
        ("order", "reject", "Reason", "Reject:", False),
        ("ask_colleague", "answer", "Your answer", "Send the answer", True),
    ):
        page.goto(live_server.url)
        if not is_last:
            page.locator("#filters-more > summary").click()
            page.locator("#filters-more").get_by_role("link", name=action).click()
        expect(page.locator(".ticket-row")).to_have_count(1)
        page.locator(".ticket-row a").click()
        if fold:
            page.locator(f"#{fold} > summary").click()
            page.get_by_label(field).fill("No chairs today.")
        page.get_by_role("button", name=button).click()
        page.get_by_text("Your decision is recorded.").wait_for()
    page.context.close()
    assert sorted(Decision.objects.values_list("type", flat=True)) == ["approve", "reject", "respond"]


def test_of_two_who_approve_at_once_the_second_is_told_by_whom_and_keeps_the_words(
    live_server: Any, browser: Browser, mail: Ticket, alice: Any, bob: Any
) -> None:
    path = mail.get_absolute_url()
    hers, his = opened(browser, live_server, alice, path), opened(browser, live_server, bob, path)
    his.locator(".decide details.more summary").first.click()
    his.get_by_label("Note").first.fill("Checked with Ana.")
    hers.get_by_role("button", name="Approve:").click()
    hers.get_by_role("heading", name="Approved by alice").wait_for()
    with his.expect_response(lambda answer: answer.url.endswith("/decisions/")) as told:
        his.get_by_role("button", name="Approve:").click()
    assert told.value.status == 409
    expect(his.get_by_role("alert").filter(has_text="Nothing was changed")).to_contain_text("Checked with Ana.")
    expect(his.get_by_role("heading", name="Approved by alice")).to_be_visible()
    for page in (hers, his):
        page.context.close()
    assert elsewhere(AuditEntry.objects.filter(type="decision.recorded").count) == 1


def test_the_second_approver_sees_who_is_still_needed_and_the_requester_why_not_them(
    live_server: Any, browser: Browser, transfers: Any, cast: Any
) -> None:
    ticket = factories.open_ticket(requester=cast["bob"])
    factories.decide(ticket, cast["carol"], message="Looks right")
    factories.decide(ticket, cast["alice"], "edit", args={"amount": 25, "to": "bob"})
    page = opened(browser, live_server, cast["erin"], ticket.get_absolute_url())
    expect(page.locator("#signing")).to_have_text("1 of 2 signed")
    expect(page.locator(".signature--open")).to_contain_text("finance")
    void = page.locator(".vote--void").first
    assert "line-through" in void.evaluate(
        "one => [one, ...one.querySelectorAll('*')].map(each => getComputedStyle(each).textDecorationLine).join()"
    )
    page.context.close()
    page = opened(browser, live_server, cast["bob"], ticket.get_absolute_url())
    expect(page.locator("#decide")).to_contain_text("someone else must approve")
    expect(page.get_by_role("link", name="Approve:")).to_have_count(0)
    page.context.close()
