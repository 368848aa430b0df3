"""What the first look at a page costs its reader: bytes over the wire and unpacked, and when it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser

from tests.browser.stage import sign_in, until

#: htmx answers and the socket brings news, in milliseconds since the navigation began.
LIVE = """() => document.querySelector('#live-status').dataset.state === 'live' && performance.now()"""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One first look, with nothing in the cache."""

    #: The page and what it is made of: as it came with its headers, and as the browser unpacked it.
    wire_bytes: int
    raw_bytes: int
    requests: int
    #: From the start of the navigation: the page can be used; it is live.
    ready_ms: float
    live_ms: float


def first_look(browser: Browser, address: str, path: str, user: Any) -> Arrival:
    """Open the page in a new window of its own, and wait until it is live."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, address, user)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    parts: set[str] = set()
    came: dict[str, int] = {}
    unpacked: dict[str, int] = {}

    def count(into: dict[str, int], event: dict[str, Any], length: int) -> None:
        into[event["requestId"]] = into.get(event["requestId"], 0) + length

    session.on("Network.requestWillBeSent", lambda event: parts.add(event["requestId"]) if _is_part(event) else None)
    session.on("Network.dataReceived", lambda event: count(unpacked, event, event["dataLength"]))
    session.on("Network.loadingFinished", lambda event: count(came, event, event["encodedDataLength"]))
    page.goto(address + path)
    live = until(page, LIVE)
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    page.wait_for_load_state("networkidle")
    context.close()
    return Arrival(
        wire_bytes=sum(came[part] for part in parts),
        raw_bytes=sum(unpacked.get(part, 0) for part in parts),
        requests=len(parts),
        ready_ms=round(ready, 1),
        live_ms=round(live, 1),
    )


def _is_part(event: dict[str, Any]) -> bool:
    """What a page is made of; what its scripts fetch is news."""
    return event.get("type") not in {"Fetch", "XHR", "WebSocket"}
