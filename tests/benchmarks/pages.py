"""G3, G7: what a reviewer's clicks cost with 1,000, 10,000 and 100,000 tickets that wait.

Each request goes through the whole Django stack, one after the other and without a socket. Beside each stand the
least a page of ours can cost, the sheet of keys, asked for in the same round, and the time this process was at work:
on a machine that does other things too, only these can be compared from one run to the next.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.test import Client

from approvals import inbox
from approvals.filters import Filters
from approvals.models import Ticket
from hitl_site import memory
from tests.benchmarks import clicks, stage, waiting
from tests.benchmarks.clicks import Click

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 25
#: The first rounds fill what every process keeps.
WARM = 3
AIM_P95_MS = 100.0
FLOOR = Click(name="floor", path="/help/keys/")
PAGES = {
    "inbox": "/",
    "team": "/?tab=team",
    "others": "/?tab=others",
    "snoozed": "/?tab=snoozed",
    "next_page": "/?after={cursor}",
    "filter": "/?risk=high",
    "filter_rare": "/?risk=critical",
    "search_rare": "/?q=reference+976",
    "search_common": "/?q=figures",
    "decided": "/decided/",
    "tabs": "/inbox/tabs/",
    "ticket": "/tickets/{ticket}/",
}


class Watch:
    """Wall and processor seconds of named requests."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seconds: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def ask(self, click: Click, **headers: str) -> None:
        """Send it, follow where it leads, note how long that took."""
        began, at_work = time.perf_counter(), time.process_time()
        if click.posted is None:
            answer = self.client.get(click.path, click.asked or None, follow=True, headers=headers)
        else:
            answer = self.client.post(click.path, click.posted, follow=True, headers=headers)
        self.seconds[click.name].append((time.perf_counter() - began, time.process_time() - at_work))
        assert answer.status_code in {200, 204}, (click, answer.status_code)

    def figures(self) -> dict[str, dict[str, float]]:
        """In milliseconds, and as many times the floor."""
        floor = statistics.median(wall for wall, _ in self.seconds[FLOOR.name][WARM:])
        return {
            name: {
                **stage.spread([wall for wall, _ in samples[WARM:]]),
                "at_work": round(statistics.median(work for _, work in samples[WARM:]) * 1_000, 1),
                "floors": round(statistics.median(wall for wall, _ in samples[WARM:]) / floor, 1),
            }
            for name, samples in self.seconds.items()
        }


def run() -> dict[str, Any]:
    """Every page at every size, as somebody of a large group and of a small one; every click as the first of them."""
    settings.ALLOWED_HOSTS = ["*"]
    memory.settle()  # as every web process does
    cast = waiting.people()
    clicks.prepare()
    figures: dict[str, Any] = {}
    have = 0
    for size in SIZES:
        waiting.make(size - have, requester=cast["dave"])
        have = size
        figures[f"{size:,}"] = {
            "alice": _pages(cast["alice"]),
            "frank": _pages(cast["frank"]),
            "clicks": _clicks(cast["alice"], requester=cast["dave"]),
            "load": round(os.getloadavg()[0], 1),
        }
    return {
        "unit": "ms",
        "rounds": ROUNDS - WARM,
        "aim_p95": AIM_P95_MS,
        "pages": figures,
        "slowest": _slowest(figures),
    }


def _slowest(figures: dict[str, Any]) -> dict[str, Any]:
    """The largest p95 of each size, and whose it is."""
    found = {}
    for size, kinds in figures.items():
        every = {
            f"{kind} {name}": one["p95"] for kind in ("alice", "frank", "clicks") for name, one in kinds[kind].items()
        }
        name = max(every, key=lambda name: every[name])
        found[size] = {"of": name, "p95": every[name]}
    return found


def _pages(person: Any) -> dict[str, dict[str, float]]:
    watch = _signed_in(person)
    listing = inbox.listing(person, inbox.Tab.YOU, filters=Filters())
    places = {"cursor": listing.following, "ticket": listing.tickets[0].pk if listing.tickets else _any()}
    for _ in range(ROUNDS):
        watch.ask(FLOOR)
        for name, address in PAGES.items():
            watch.ask(Click(name=name, path=address.format(**places)))
    return watch.figures()


def _clicks(person: Any, *, requester: Any) -> dict[str, dict[str, float]]:
    watch = _signed_in(person)
    for number in range(ROUNDS):
        watch.ask(FLOOR)
        for click in clicks.of_a_round(number, reviewer=person, requester=requester):
            watch.ask(click, **{"HX-Request": "true"})
    return watch.figures()


def _signed_in(person: Any) -> Watch:
    client = Client(headers={"Accept-Encoding": "gzip"})  # as every browser does
    client.force_login(person)
    return Watch(client)


def _any() -> int:
    return Ticket.objects.values_list("pk", flat=True)[0]
