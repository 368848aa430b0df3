"""What open pages hear, from whom, and what they must never hear."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import connection, connections, transaction
from django.test import Client

from approvals import live, tickets
from approvals.consumers import InboxConsumer
from approvals.live import bus, fragments, hub
from approvals.models import Ticket
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 5.0
NEVER = 0.4


async def elsewhere(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run in a thread of its own, on a database connection of its own, and commit."""

    def run() -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


class Page:
    """One open page: its socket, and what came over it."""

    def __init__(self, user: Any, **scope: Any) -> None:
        self.socket = WebsocketCommunicator(InboxConsumer.as_asgi(), "/ws/inbox/")
        self.socket.scope.update(user=user, session=None, **scope)

    async def __aenter__(self) -> Page:
        assert (await self.socket.connect())[0]
        assert "live-beat" in await self.next()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.disconnect()

    async def next(self) -> str:
        return await self.socket.receive_from(timeout=SOON)

    async def hears_of(self, ticket: Ticket) -> str:
        """The first message about this ticket."""
        while f'id="ticket-row-{ticket.pk}"' not in (message := await self.next()):
            pass
        return message

    async def hears_nothing(self) -> bool:
        return await self.socket.receive_nothing(timeout=NEVER, interval=0.05)


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every NOTIFY is lost."""
    monkeypatch.setattr(bus, "payloads", lambda ids: [])


def test_opened_ticket_reaches_an_approver_and_not_a_stranger(alice, dave, transfers):
    @async_to_sync
    async def scene():
        async with Page(alice) as page, Page(dave) as stranger:
            ticket = await elsewhere(factories.open_ticket)
            message = await page.hears_of(ticket)
            assert '<ol hx-swap-oob="afterbegin:#inbox-list">' in message
            assert f'id="ticket-{ticket.pk}-live"' in message
            assert await stranger.hears_nothing()

    scene()


def test_decision_of_another_process_reaches_the_page(alice, bob, carol, transfers, monkeypatch):
    monkeypatch.setattr(hub, "SESSION_SECONDS", 600)  # these pages have none, and a process takes a while to start

    @async_to_sync
    async def scene():
        ticket = await elsewhere(factories.open_ticket)
        async with Page(alice) as page:
            code = (
                "import django; django.setup()\n"
                "from django.contrib.auth.models import User\n"
                "from approvals.models import Ticket\n"
                "from tests import factories\n"
                f"factories.decide(Ticket.objects.get(pk={ticket.pk}), User.objects.get(username='carol'))\n"
            )
            await asyncio.to_thread(in_another_process, code)
            message = await page.hears_of(ticket)
            assert '<ol hx-swap-oob="afterbegin:#inbox-list">' in message
            assert "1 of 2 signed" in message

    scene()


def test_requester_hears_of_the_request_but_not_as_something_to_decide(alice, dave, transfers):
    @async_to_sync
    async def scene():
        async with Page(dave) as page:
            ticket = await elsewhere(factories.open_ticket, requester=dave)
            assert "afterbegin:#others-list" in await page.hears_of(ticket)

    scene()


def test_rolled_back_transaction_announces_nothing(alice, transfers):
    def roll_back():
        with transaction.atomic():
            factories.open_ticket()
            transaction.set_rollback(True)

    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            await elsewhere(roll_back)
            assert await page.hears_nothing()

    scene()


def test_lost_notify_only_delays(alice, transfers, unheard):
    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            ticket = await elsewhere(factories.open_ticket)
            assert await page.hears_of(ticket)

    scene()


def test_entry_committed_after_a_newer_one_is_still_found(alice, transfers, unheard, monkeypatch):
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
    early = psycopg.connect(**hub.listen_params())

    @async_to_sync
    async def scene():
        ticket = await elsewhere(factories.open_ticket)
        async with Page(alice) as page:
            early.execute(
                "INSERT INTO approvals_auditentry (ticket_id, stream, seq, type, actor_name, body, prev, hash)"
                " VALUES (%s, 'late', 1, 'ticket.opened', '', '', '', '')",
                [ticket.pk],
            )
            newer = await elsewhere(factories.open_ticket)
            await page.hears_of(newer)
            early.commit()
            await page.hears_of(ticket)

    with early:
        scene()


def test_one_listener_and_one_rendering_however_many_sockets(alice, bob, transfers, monkeypatch):
    drawn = []
    draw = fragments._row
    monkeypatch.setattr(fragments, "_row", lambda ticket: drawn.append(ticket) or draw(ticket))

    @async_to_sync
    async def scene():
        pages = [Page(user) for user in (alice, bob) for _ in range(10)]
        for page in pages:
            await page.__aenter__()
        ticket = await elsewhere(factories.open_ticket)
        for page in pages:
            await page.hears_of(ticket)
        assert await elsewhere(listeners) == 1
        for page in pages:
            await page.__aexit__()
        assert await elsewhere(listeners) == 0

    scene()
    assert len(drawn) == 1


def test_listener_that_is_cut_off_comes_back(alice, transfers):
    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            await elsewhere(cut_listeners_off)
            ticket = await elsewhere(factories.open_ticket)
            await page.hears_of(ticket)

            async with asyncio.timeout(SOON):
                while await elsewhere(listeners) != 1:
                    await asyncio.sleep(0.05)

    scene()


def test_right_lost_a_moment_ago_counts(alice, transfers):
    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            await elsewhere(alice.groups.clear)
            await elsewhere(factories.open_ticket)
            assert await page.hears_nothing()

    scene()


def test_anonymous_is_accepted_and_closed_so_that_the_page_stops_trying():
    @async_to_sync
    async def scene():
        page = Page(AnonymousUser())
        assert (await page.socket.connect())[0]
        assert await page.socket.receive_output(SOON) == {"type": "websocket.close", "code": 4401}

    scene()


def test_signing_out_closes_the_socket(alice, monkeypatch):
    monkeypatch.setattr(hub, "SESSION_SECONDS", 0.05)
    client = Client()
    client.force_login(alice)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"

    @async_to_sync
    async def scene():
        app = AuthMiddlewareStack(InboxConsumer.as_asgi())
        socket = WebsocketCommunicator(app, "/ws/inbox/", headers=[(b"cookie", cookie.encode())])
        assert (await socket.connect())[0]
        assert "live-beat" in await socket.receive_from(SOON)
        assert await socket.receive_nothing(timeout=NEVER)
        await elsewhere(client.logout)
        assert await socket.receive_output(SOON) == {"type": "websocket.close", "code": 4401}
        await socket.disconnect()

    scene()


def test_whoever_talks_on_the_socket_is_sent_away(alice):
    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            for _ in range(11):
                await page.socket.send_to(text_data='{"decision": "approve"}')
            assert await page.socket.receive_output(SOON) == {"type": "websocket.close", "code": 1008}

    scene()


def test_slow_reader_is_told_to_reload():
    async def scene():
        member = hub.Member(user_id=1, session_key="")
        for number in range(hub.QUEUE_SIZE + 1):
            member.put(str(number))
        return [member.queue.get_nowait() for _ in range(member.queue.qsize())]

    assert async_to_sync(scene)() == [fragments.RELOAD, str(hub.QUEUE_SIZE)]


def test_heartbeat_carries_the_last_entry(alice, transfers, monkeypatch):
    monkeypatch.setattr(hub, "BEAT_SECONDS", 0.05)
    factories.open_ticket()

    @async_to_sync
    async def scene():
        async with Page(alice) as page:
            assert f'data-seq="{await elsewhere(fragments.latest)}"' in await page.next()

    scene()


@pytest.mark.parametrize("name", ["alice", "carol", "frank", "dave", "admin"])
def test_audience_is_who_the_list_would_show_it_to(cast, name, transfers):
    user = cast[name]
    for requester in (None, cast["dave"], cast["alice"]):
        ticket = factories.open_ticket(requester=requester)
        audience = fragments._audiences([ticket], connected=[user.pk])[ticket.pk]
        assert (user.pk in audience.readers) == Ticket.objects.visible_to(user).filter(pk=ticket.pk).exists()
        assert (user.pk in audience.deciders) == Ticket.objects.needing(user).filter(pk=ticket.pk).exists()


@pytest.mark.parametrize("name", ["alice", "carol"])
def test_in_sequence_a_ticket_waits_only_for_those_whose_turn_it_is(cast, name):
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    ticket, user = factories.open_ticket("order"), cast[name]
    for _ in range(2):
        audience = fragments._audiences(list(Ticket.objects.for_list()), connected=[user.pk])[ticket.pk]
        assert (user.pk in audience.deciders) == Ticket.objects.needing(user).filter(pk=ticket.pk).exists()
        assert user.pk in audience.readers
        factories.decide(ticket, cast["erin"]) if not ticket.decisions.exists() else None


def test_permission_to_view_all_counts_from_user_and_group(dave, frank, transfers):
    permission = Permission.objects.get(codename="view_ticket")
    dave.user_permissions.add(permission)
    frank.groups.get().permissions.add(permission)
    ticket = factories.open_ticket()
    audience = fragments._audiences([ticket], connected=[dave.pk, frank.pk])[ticket.pk]
    assert audience.readers == {dave.pk, frank.pk}
    assert not audience.deciders


def test_page_that_was_away_gets_what_it_missed_and_may_see(client, alice, dave, transfers):
    since = fragments.latest()
    ticket = factories.open_ticket()
    client.force_login(alice)
    missed = client.get("/inbox/changes/", {"since": since}).content.decode()
    assert f'id="ticket-row-{ticket.pk}"' in missed
    assert f'data-seq="{fragments.latest()}"' in missed
    client.force_login(dave)
    assert "ticket-row" not in client.get("/inbox/changes/", {"since": since}).content.decode()


def test_page_that_was_away_too_long_is_told_to_reload(client, alice, transfers, monkeypatch):
    monkeypatch.setattr(fragments, "MOST_CHANGES", 1)
    factories.open_ticket()
    factories.open_ticket()
    client.force_login(alice)
    assert fragments.RELOAD in client.get("/inbox/changes/?since=0").content.decode()


@pytest.mark.parametrize("since", ["", "-1", "x", "9" * 40])
def test_changes_since_nonsense_are_all_changes(client, alice, transfers, since):
    ticket = factories.open_ticket()
    client.force_login(alice)
    answer = client.get("/inbox/changes/", {"since": since})
    assert f'id="ticket-row-{ticket.pk}"' in answer.content.decode()


def test_ticket_that_cannot_be_drawn_does_not_silence_the_others(alice, transfers, monkeypatch):
    broken, fine = factories.open_ticket(), factories.open_ticket()
    draw = fragments._row

    def fail_once(ticket: Ticket) -> str:
        if ticket.pk == broken.pk:
            raise ValueError("no such filter")
        return draw(ticket)

    monkeypatch.setattr(fragments, "_row", fail_once)
    told = fragments.changes_since(alice, 0)
    assert f'id="ticket-row-{fine.pk}"' in told
    assert f'id="ticket-row-{broken.pk}"' not in told


def test_one_notice_per_transaction_after_it(alice, transfers):
    with psycopg.connect(**hub.listen_params(), autocommit=True) as listener:
        listener.execute(f"LISTEN {bus.CHANNEL}")
        with transaction.atomic():
            live.announce([1])
            with transaction.atomic():
                live.announce([2])
            assert not list(listener.notifies(timeout=0.1))
        assert [notice.payload for notice in listener.notifies(timeout=0.5)] == ["1,2"]


def test_failed_notice_never_fails_the_request(alice, transfers, monkeypatch):
    def fail(ids):
        raise OSError("cut off")

    monkeypatch.setattr(bus, "payloads", fail)
    assert factories.open_ticket().pk


def test_long_lists_of_ids_fit_into_notices():
    ids = list(range(1_000_000, 1_003_000))
    texts = list(bus.payloads(ids))
    assert max(map(len, texts)) < 8_000
    assert [found for text in texts for found in bus.ids_in(text)] == ids


def test_each_reader_s_row_goes_to_the_list_it_is_in_after_a_reload(alice, bob, carol, transfers):
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    assert {name: list_of(user) for name, user in {"alice": alice, "bob": bob, "carol": carol}.items()} == {
        "alice": ["others-list"],
        "bob": ["inbox-list"],
        "carol": ["inbox-list"],
    }


def test_row_returns_to_a_signer_when_an_edit_voids_the_signature(alice, carol, transfers):
    ticket = factories.open_ticket()
    factories.decide(ticket, alice)
    factories.decide(ticket, carol, "edit", args={"amount": 25, "to": "bob"})
    assert (list_of(alice), list_of(carol)) == (["inbox-list"], ["others-list"])


def test_withdrawn_ticket_goes_to_the_decided_ones(alice, transfers):
    tickets.cancel(factories.open_ticket().pk, reason="not needed")
    assert list_of(alice) == ["decided-list"]


def list_of(user):
    return re.findall(r"afterbegin:#([a-z-]+)", fragments.changes_since(user, 0))


def in_another_process(code: str) -> None:
    """Run Python against the test database, in a process of its own."""
    found = connection.settings_dict
    host = psycopg.conninfo.conninfo_to_dict(**{k: v for k, v in hub.listen_params().items() if k == "host"})
    url = f"postgresql://{found['USER']}:{found['PASSWORD']}@/{found['NAME']}?host={host.get('host', '')}"
    env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "hitl_site.settings"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=settings.BASE_DIR)


def listeners() -> int:
    """How many connections follow the audit entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query = %s", [f"LISTEN {bus.CHANNEL}"])
        return int(cursor.fetchone()[0])


def cut_listeners_off() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s", [f"LISTEN {bus.CHANNEL}"]
        )
