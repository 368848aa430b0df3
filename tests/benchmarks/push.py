"""G5, G6: from the commit of a ticket to its fragment at the last socket, beside the floor.

The floor is a bare ASGI application under the same server, in the same run, alternating: LISTEN, then
the same number of bytes straight to every socket, without Django, rights or rendering.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction

from approvals.models import Ticket
from tests import daphne, factories
from tests.benchmarks import sockets, stage

SIZES = (100, 1_000)
EVENTS = 40
WARM_UP = 5
PEOPLE = 100
PAUSE = 0.05
AIMS_P95_MS = {100: 40.0, 1_000: 120.0}


def run() -> dict[str, Any]:
    """Both sides, at each number of sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    cookies = _sign_everyone_in()
    factories.make_policy("Transfers", action="transfer_money", risk="high", requirements={"reviewers": 1})
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(daphne.serving())
        floor = stack.enter_context(daphne.serving("tests.benchmarks.floor:application"))
        return asyncio.run(_measure(ours, floor, cookies))


async def _measure(ours: str, floor: str, cookies: list[str]) -> dict[str, Any]:
    ours_crowd, floor_crowd = sockets.Crowd(ours, "/ws/inbox/"), sockets.Crowd(floor, "/")
    figures = {}
    for size in SIZES:
        await ours_crowd.grow_to(size, cookies)
        await floor_crowd.grow_to(size, cookies)
        samples: dict[str, list[float]] = {"ours": [], "floor": []}
        for _ in range(WARM_UP + EVENTS):
            samples["ours"].append(await _push(ours_crowd, _open_ticket))
            samples["floor"].append(await _push(floor_crowd, _notify))
        figures[size] = {name: stage.spread(seconds[WARM_UP:]) for name, seconds in samples.items()}
    return {
        "unit": "ms from commit to the last socket",
        "events": EVENTS,
        "sockets": {
            str(size): {
                **sides,
                "ratio_p50": round(sides["ours"]["p50"] / sides["floor"]["p50"], 2),
                "aim_p95": AIMS_P95_MS[size],
                "met": sides["ours"]["p95"] <= AIMS_P95_MS[size],
            }
            for size, sides in figures.items()
        },
    }


async def _push(crowd: sockets.Crowd, commit: Any) -> float:
    """Commit once and wait for everyone; the clock starts when the commit is done."""
    began = await asyncio.to_thread(commit, crowd)
    took = await crowd.last_arrival() - began
    await asyncio.sleep(PAUSE)
    return float(took)


def _open_ticket(crowd: sockets.Crowd) -> float:
    committed: list[float] = []
    newest = Ticket.objects.order_by("-id").values_list("id", flat=True).first() or 0
    crowd.expect(f'id="ticket-row-{newest + 1}"')
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        ticket = factories.open_ticket(args={"amount": 250, "to": "bob"})
    if ticket.pk != newest + 1:
        raise RuntimeError("somebody else opens tickets on this database")
    return committed[0]


def _notify(crowd: sockets.Crowd) -> float:
    """The same bytes as the newest ticket's fragment, as the payload itself."""
    from approvals.live import fragments

    newest = Ticket.objects.for_list().latest("id")
    text = fragments._into("inbox-list", fragments._row(newest)) + fragments._marks(newest) + fragments.beat(1)
    crowd.expect(text[-60:])
    with connection.cursor() as cursor:
        began = time.perf_counter()
        cursor.execute("SELECT pg_notify(%s, %s)", [sockets.FLOOR_CHANNEL, text])
    return began


def _sign_everyone_in() -> list[str]:
    """One session for each of a hundred reviewers, as cookies."""
    reviewers = Group.objects.get_or_create(name="reviewers")[0]
    people = User.objects.bulk_create(User(username=f"reviewer-{n}", password="!") for n in range(PEOPLE))
    reviewers.user_set.add(*people)
    return [_signed_in(person) for person in people]


def _signed_in(person: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
