"""Browser windows for the tests: how they open, how people sign in, what is wrong with what they show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

#: The browser without its windows: what it draws and runs is the same, for less of a processor.
CHROMIUM = Path("/usr/bin/chromium-headless-shell")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = {"desk": (1280, 900), "phone": (360, 780)}
#: 1280 by 1024 at 400 %.
SMALLEST = (320, 256)

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM} on this machine")


def open_context(browser: Browser, *, size: str = "desk", scheme: Any = "light", **options: Any) -> BrowserContext:
    """A browser window that remembers every CSP violation."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **options
    )
    context.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', e =>"
        " violations.push([e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber, e.sample].join(' ')));"
    )
    return context


def sign_in(page: Page, url: str, name: str) -> None:
    """Through the form, as people do."""
    page.goto(f"{url}/accounts/login/")
    fill_in(page, name)
    page.wait_for_url(f"{url}/")


def fill_in(page: Page, name: str) -> None:
    """The sign-in form."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(os.environ["COUNTERSIGN_DEMO_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()


def wait_for_letters(page: Page) -> None:
    """Letters rest for a moment on a page that has just changed (`SETTLE` in keys.js)."""
    page.evaluate(
        "new Promise(done => { let timer = setTimeout(done, 450); addEventListener('htmx:afterSettle',"
        " () => { clearTimeout(timer); timer = setTimeout(done, 450); }); })"
    )


#: Nothing changes its colour any more; the admin's own style sheet takes its time.
SETTLED = (
    "Promise.allSettled(document.getAnimations().filter(one => one instanceof CSSTransition).map(one => one.finished))"
)


def problems_everywhere(page: Page, name: str) -> list[str]:
    """`problems` of a page that is open, at the desk and on a phone, in the light theme, and in the dark one what
    colours can do; set COUNTERSIGN_SCREENSHOTS to a folder to look at all four."""
    found: list[str] = []
    for size in reversed(SIZES):
        resize(page, size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(SETTLED)  # else a colour is measured halfway to another
            said = problems(page) if scheme == "light" else _complaints(page, "rule", ["color-contrast"])
            found += [f"{size}, {scheme}: {words}" for words in said]
            if folder := os.environ.get("COUNTERSIGN_SCREENSHOTS"):
                page.screenshot(path=Path(folder) / f"{name}-{size}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    return found


def resize(page: Page, size: str) -> None:
    """The same page in another window."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})


def _complaints(page: Page, kind: str, values: list[str]) -> list[str]:
    if page.evaluate("typeof axe === 'undefined'"):  # half a megabyte: once for all four looks at a page
        page.evaluate(Axe().axe_script)
    options = {"runOnly": {"type": kind, "values": values}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    return [f"{v['id']}: {n['target']} {n['failureSummary'][:200]}" for v in found for n in v["nodes"]]


def is_too_wide(page: Page) -> bool:
    """Does the page itself scroll sideways?"""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def problems(page: Page) -> Any:
    """What axe and the browser itself complain about, and a page wider than its window."""
    said = _complaints(page, "tag", TAGS) + page.evaluate("window.violations")
    return said + (["the page scrolls sideways"] if is_too_wide(page) else [])


def strangers(page: Page, origin: str) -> list[str]:
    """Requests and sockets of this page that leave the origin, from now on."""
    found: list[str] = []
    at_home = (f"{origin}/", f"{origin.replace('http', 'ws', 1)}/", "data:", "blob:")

    def note(url: str) -> None:
        if not url.startswith(at_home):
            found.append(url)

    page.on("request", lambda asked: note(asked.url))
    page.on("websocket", lambda socket: note(socket.url))
    return found
