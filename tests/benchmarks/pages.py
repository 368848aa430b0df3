"""G3, G7: what a reviewer's clicks cost with 1,000, 10,000 and 100,000 tickets that wait.

Each page is asked for by one person after the other, through the whole Django stack and without a socket; the
least a page of ours can cost, the sheet of keys, stands beside them in the same run.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.test import Client

from approvals import inbox
from approvals.filters import Filters
from approvals.models import Ticket
from tests.benchmarks import stage, waiting

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 20
AIM_P95_MS = 100.0
PAGES = {
    "floor": "/help/keys/",
    "inbox": "/",
    "team": "/?tab=team",
    "others": "/?tab=others",
    "next": "/?after={cursor}",
    "filter": "/?risk=high",
    "search_rare": "/?q=reference+976",
    "search_common": "/?q=figures",
    "decided": "/decided/",
    "tabs": "/inbox/tabs/",
    "ticket": "/tickets/{ticket}/",
}


def run() -> dict[str, Any]:
    """Every page at every size, as somebody of a large group and of a small one."""
    settings.ALLOWED_HOSTS = ["*"]
    cast = waiting.people()
    figures: dict[str, Any] = {}
    have = 0
    for size in SIZES:
        waiting.make(size - have, requester=cast["dave"])
        have = size
        figures[str(size)] = {name: _measure(cast[name]) for name in ("alice", "frank")}
    slowest = {
        size: max(page["p95"] for person in found.values() for page in person.values())
        for size, found in figures.items()
    }
    return {"unit": "ms", "rounds": ROUNDS, "pages": figures, "slowest_p95": slowest, "aim_p95_at_10000": AIM_P95_MS}


def _measure(person: Any) -> dict[str, dict[str, float]]:
    client = Client()
    client.force_login(person)
    listing = inbox.listing(person, inbox.Tab.YOU, filters=Filters())
    places = {"cursor": listing.following, "ticket": listing.tickets[0].pk if listing.tickets else _any()}
    samples: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(ROUNDS):
        for name, address in PAGES.items():
            began = time.perf_counter()
            answer = client.get(address.format(**places))
            samples[name].append(time.perf_counter() - began)
            assert answer.status_code == 200, (name, answer.status_code)
    return {name: stage.spread(seconds[2:]) for name, seconds in samples.items()}


def _any() -> int:
    return Ticket.objects.values_list("pk", flat=True)[0]
