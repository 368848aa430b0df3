"""Every page in a real browser: light and dark, desk and phone; no CSP violation, nothing for axe to find."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

from agents.models import Run
from approvals import wording
from approvals.models import Ticket
from approvals.states import Execution
from tests import factories

CHROMIUM = Path("/usr/bin/chromium")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
HOSTILE = "Pay bob\u202e100\u202c <script>alert(1)</script> now\u200b, it is **urgent**"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium on this machine"),
    pytest.mark.django_db(transaction=True),
]

SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "description": "In euros."},
        "to": {"type": "string", "title": "Recipient"},
        "urgent": {"type": "boolean"},
        "purpose": {"type": ["string", "null"]},
        "method": {"enum": ["sepa", "swift"]},
        "notify": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["amount", "to"],
}


@pytest.fixture(scope="module")
def browser() -> Any:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where the pictures go; set COUNTERSIGN_SCREENSHOTS to look at them."""
    place = Path(os.environ.get("COUNTERSIGN_SCREENSHOTS", str(tmp_path)))
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def scene(cast: dict[str, Any], transfers: Any) -> dict[str, str]:
    """A busy day: tickets at each risk and in each state, and the pages that show them."""
    alice, carol, dave = cast["alice"], cast["carol"], cast["dave"]
    factories.make_policy("Mail", action="send_email", risk="medium", requirements={"reviewers": 1})
    factories.make_policy(
        "Purges", action="purge_account", risk="critical", deadline_seconds=240, requirements={"reviewers": 2}
    )
    transfer = factories.open_ticket(
        args={
            "amount": 250.5,
            "to": "bob",
            "urgent": True,
            "purpose": None,
            "method": "sepa",
            "notify": ["a@b.example"],
        },
        args_schema=SCHEMA,
        requester=dave,
        thread_id="invoice-2201",
        reasoning=HOSTILE,
        confidence=0.72,
        context=[
            {"role": "user", "content": "transfer 250.50 to bob for the invoice"},
            {"role": "agent", "content": "", "tool_calls": [{"name": "search", "args": {"query": "bob"}, "id": "1"}]},
            {"role": "tool", "name": "search", "content": "bob\u202e is a known payee"},
            {"role": "agent", "content": "I will transfer the money now."},
        ],
    )
    body = "Dear Ana,\n\n" + "the quarterly figures are attached and need your signature. " * 12
    mail = factories.open_ticket("send_email", args={"to": "ana@example.com", "subject": "Figures", "body": body})
    purge = factories.open_ticket("purge_account", args={"name": "acme", "options": {"keep": ["invoices"], "depth": 2}})
    edited = factories.open_ticket(args={"amount": 9000, "to": "erin"}, requester=dave)
    factories.decide(edited, carol)
    factories.decide(edited, alice, "edit", args={"amount": 900, "to": "erin"}, message="One zero too many.")
    done = factories.open_ticket("send_email", args={"to": "bob@example.com", "subject": "Hello", "body": "Hi"})
    factories.decide(done, alice, message="Fine.")
    Ticket.objects.filter(pk=done.pk).update(execution=Execution.SUCCEEDED, result="Sent to bob@example.com.")
    refused = factories.open_ticket("send_email", args={"to": "all@example.com", "subject": "Sale", "body": "Buy"})
    factories.decide(refused, alice, "reject", message="Not to everybody.")
    Run.objects.create(
        thread_id="invoice-2201",
        graph="operations",
        requester=dave,
        status="paused",
        input={"message": "transfer 250.50 to bob for the invoice"},
        transcript=transfer.context,
    )
    Run.objects.create(
        thread_id=done.thread_id, graph="operations", requester=alice, status="succeeded", output="The mail is sent."
    )
    return {
        "inbox": "/",
        "ticket_high": transfer.get_absolute_url(),
        "ticket_medium": mail.get_absolute_url(),
        "ticket_critical": purge.get_absolute_url(),
        "ticket_edited": edited.get_absolute_url(),
        "ticket_done": done.get_absolute_url(),
        "ticket_rejected": refused.get_absolute_url(),
        "runs": "/runs/",
        "run": "/runs/invoice-2201/",
        "run_done": f"/runs/{done.thread_id}/",
        "account": "/accounts/password/change/",
        "mfa": "/accounts/2fa/",
        "totp": "/accounts/2fa/totp/activate/",
        "sign_out": "/accounts/logout/",
        "missing": "/tickets/99999/",
    }


def open_context(browser: Browser, *, size: str = "desk", scheme: Any = "light", **options: Any) -> BrowserContext:
    """A browser window that remembers every CSP violation."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **options
    )
    context.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));"
    )
    return context


def sign_in(page: Page, url: str, name: str) -> None:
    """Through the form, as people do."""
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(os.environ["COUNTERSIGN_DEMO_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def problems(page: Page) -> Any:
    """What axe and the browser itself complain about, and a page wider than its window."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    said = [f"{v['id']}: {n['target']} {n['failureSummary'][:200]}" for v in found for n in v["nodes"]]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return said + page.evaluate("window.violations") + (["the page scrolls sideways"] if wide else [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_page_is_accessible_and_keeps_to_the_policy(
    live_server: Any, browser: Browser, scene: dict[str, str], shots: Path, size: str, scheme: str
) -> None:
    context = open_context(browser, size=size, scheme=scheme)
    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    page.screenshot(path=shots / f"login-{size}-{scheme}.png", full_page=True)
    found = {"login": problems(page)}
    sign_in(page, live_server.url, "alice")
    for name, path in scene.items():
        page.goto(live_server.url + path)
        if "reauthenticate" in page.url:
            page.get_by_label("Password").fill(os.environ["COUNTERSIGN_DEMO_PASSWORD"])
            page.get_by_role("button", name="Confirm").click()
            page.wait_for_url(live_server.url + path)
        found[name] = problems(page)
        page.screenshot(path=shots / f"{name}-{size}-{scheme}.png", full_page=True)
    page.goto(live_server.url + scene["ticket_high"])
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    found["ticket_open"] = problems(page)
    page.screenshot(path=shots / f"ticket_open-{size}-{scheme}.png", full_page=True)
    page.get_by_label("Amount").fill("a lot")
    page.get_by_role("button", name="Save the changes and approve").click()
    page.get_by_role("alert").get_by_role("link").wait_for()
    found["ticket_error"] = problems(page)
    page.screenshot(path=shots / f"ticket_error-{size}-{scheme}.png", full_page=True)
    context.close()
    assert {name: said for name, said in found.items() if said} == {}


def test_hostile_words_run_nothing_and_show_what_cannot_be_seen(
    live_server: Any, browser: Browser, scene: dict[str, str]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + scene["ticket_high"])
    words = page.locator(".agent-words").inner_text()
    context.close()
    assert dialogs == []
    assert "⟨U+202E⟩" in words
    assert "⟨U+200B⟩" in words
    assert "<script>" in words


def test_approving_swaps_the_ticket_in_place(live_server: Any, browser: Browser, scene: dict[str, str]) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.goto(live_server.url + scene["ticket_medium"])
    page.get_by_role("button", name="Approve: Send email").click()
    page.get_by_role("heading", name="Approved as proposed").wait_for()
    said = problems(page)
    context.close()
    assert said == []


def test_everything_can_be_decided_without_javascript(
    live_server: Any, browser: Browser, scene: dict[str, str]
) -> None:
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "alice")
    page.get_by_role("link", name="Transfer money: amount 250.5").click()
    page.get_by_text("Change the arguments", exact=True).click()
    page.get_by_label("Amount").fill("205")
    page.get_by_role("button", name="Save the changes and approve").click()
    page.get_by_role("heading", name="What was changed").wait_for()
    ticket = Ticket.objects.get(thread_id="invoice-2201")
    context.close()
    assert (ticket.revision, ticket.args["amount"]) == (2, 205)


def test_page_and_server_put_times_into_the_same_words(live_server: Any, browser: Browser, cast: Any) -> None:
    lengths = [*range(0, 7_400, 7), *range(7_200, 100_000, 997), *range(100_000, 900_000, 7_919)]
    page = browser.new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    said = page.evaluate(
        "async all => { const { span } = await import('/static/js/countdown.js'); return all.map(span) }", lengths
    )
    page.close()
    assert said == [wording.span(timedelta(seconds=length)) for length in lengths]
