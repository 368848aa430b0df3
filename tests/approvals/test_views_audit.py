"""The page of the record: who reads it, what narrows it, what each entry says, and the files it gives out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import audit, entries, tokens
from approvals.audit import erasure, lines, sealing
from approvals.models import AuditEntry, HeadExport, Ticket
from approvals.states import Scope
from approvals.views import streams
from tests.audit.hands import unguarded
from tests.factories import claim, decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db

HOSTILE = "Pay\u202e now <script>alert(1)</script>"


@pytest.fixture
def auditor(frank: Any) -> Any:
    frank.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    return frank


@pytest.fixture
def read(client: Client, auditor: Any) -> Any:
    client.force_login(auditor)

    def read(path: str = "", *, status: int = 200) -> str:
        answer = client.get(f"/audit/{path}")
        assert answer.status_code == status
        return b"".join(answer).decode() if answer.streaming else answer.content.decode()

    return read


@pytest.fixture
def transfer(transfers: Any, alice: Any, dave: Any) -> Ticket:
    """Dave's agent asked for a transfer, and Alice rejected it."""
    return decide(open_ticket(requester=dave), alice, "reject", message="Not this month.")


def shown(page: str) -> list[int]:
    """The ids of the entries of a page, in order."""
    return [int(part.split('"')[0]) for part in page.split('id="entry-')[1:]]


def kinds(page: str) -> list[str]:
    found = dict(AuditEntry.objects.values_list("pk", "type"))
    return [found[entry] for entry in shown(page)]


# --- who may read it

PAGES = ("/audit/", "/audit/{entry}/", "/audit/record.jsonl", "/audit/record.csv")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("who", "status"),
    [(None, 302), ("alice", 403), ("carol", 403), ("dave", 403), ("frank", 200), ("admin", 200)],
)
def test_the_record_is_read_by_auditors_alone(
    client: Client, cast: Any, auditor: Any, transfer: Ticket, page: str, who: str | None, status: int
) -> None:
    if who:
        client.force_login(cast[who])
    entry = AuditEntry.objects.filter(ticket=transfer).first()
    assert entry and client.get(page.format(entry=entry.pk)).status_code == status


@pytest.mark.parametrize("page", PAGES)
def test_nobody_writes_there(client: Client, admin: Any, page: str) -> None:
    client.force_login(admin)
    assert client.post(page.format(entry=1)).status_code == 405


def test_only_auditors_find_it_in_the_navigation(client: Client, auditor: Any, alice: Any) -> None:
    for person, is_there in ((auditor, True), (alice, False)):
        client.force_login(person)
        assert ('href="/audit/"' in client.get("/policies/").content.decode()) is is_there


# --- what it says


def test_an_entry_says_who_how_what_why_and_on_what(read: Any, transfer: Ticket) -> None:
    page = read(f"?ticket={transfer.pk}")
    for said in ("alice", "rejected", "Not this month.", transfer.digest[:12], "version 1", "policy", "Transfers"):
        assert said in page


def test_the_way_of_sign_in_is_told(client: Client, read: Any, transfers: Any, carol: Any) -> None:
    ticket, other = open_ticket(), Client()
    other.force_login(carol)
    other.post(f"/tickets/{ticket.pk}/decisions/", {"type": "reject", "digest": ticket.digest, "message": "No."})
    assert "signed in with session" in read(f"?ticket={ticket.pk}&kind=decision.recorded")


def test_what_is_about_no_ticket_is_told_too(read: Any, alice: Any, admin: Any) -> None:
    tokens.create(alice, name="Night shift", scope=Scope.READ, days=3, actor=admin)
    page = read("?kind=token.created")
    assert "made a token for programs" in page and "Night shift" in page and "admin" in page


def test_a_kind_that_nobody_gave_words_is_named(read: Any) -> None:
    with transaction.atomic():
        audit.append("moon.landed", stream="system/moon", crew=2)
    page = read("?kind=moon.landed")
    assert "moon.landed" in page and "crew: 2" in page


def test_hostile_words_are_shown_and_do_nothing(read: Any, transfers: Any, alice: Any) -> None:
    ticket = decide(open_ticket(), alice, "reject", message=HOSTILE)
    entry = AuditEntry.objects.get(ticket=ticket, type="decision.recorded")
    for page in (read(f"?ticket={ticket.pk}"), read(f"{entry.pk}/")):
        assert "<script>alert" not in page and "\u202e" not in page and "⟨U+202E⟩" in page


def test_long_words_are_cut_and_said_to_be(read: Any, transfers: Any, alice: Any) -> None:
    ticket = decide(open_ticket(), alice, "reject", message="No. " * 300 + "End.")
    page = read(f"?ticket={ticket.pk}&kind=decision.recorded")
    assert "all 1204 characters" in page and "End." not in page
    assert "End." in read(f"{shown(page)[0]}/")


def test_the_life_of_a_ticket_is_in_its_own_order_with_its_places(read: Any, transfer: Ticket) -> None:
    sealing.seal()
    page = read(f"?ticket={transfer.pk}")
    assert kinds(page) == ["ticket.opened", "decision.recorded", "ticket.rejected"]
    assert "Each entry follows from the one before it" in page
    leaf = AuditEntry.objects.get(pk=shown(page)[1]).leaf
    assert f"Place {leaf.number} in the tree" in page
    assert "under a head over" in read(f"{leaf.entry_id}/")


def test_an_auditor_who_may_not_see_the_ticket_reads_its_life(read: Any, transfer: Ticket) -> None:
    assert transfer.get_absolute_url() not in read(f"?ticket={transfer.pk}")


def test_erased_words_are_said_to_be_erased(read: Any, transfer: Ticket) -> None:
    claim(transfer)
    erasure.erase(transfer.pk, reason="asked for by the person")
    page = read(f"?ticket={transfer.pk}")
    assert "Not this month." not in page and "were erased; the chain still holds" in page
    assert "asked for by the person · ticket too: yes" in page
    assert "They were erased for somebody" in read(f"{shown(page)[1]}/")


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b'{"facts": 7, "ticket": 3, "type": "x"}'])
def test_a_record_that_was_tampered_with_can_still_be_looked_at(read: Any, transfer: Ticket, body: bytes) -> None:
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_auditentry SET body = %s WHERE seq = 2", [body])
    page = read(f"?ticket={transfer.pk}")
    assert "The chain is broken at entry 2" in page
    assert len(shown(page)) == 3 and "read" in read(f"{shown(page)[1]}/")


# --- what narrows it


def test_it_is_narrowed_by_person_action_kind_and_all_of_them(read: Any, transfer: Ticket, alice: Any) -> None:
    decide(open_ticket("send_email"), alice)
    assert kinds(read("?person=alice")).count("decision.recorded") == 2
    assert {"ticket.opened", "decision.recorded"} < set(kinds(read("?action=transfer_money")))
    assert kinds(read("?kind=ticket.rejected")) == ["ticket.rejected"]
    assert kinds(read("?person=alice&action=transfer_money&kind=decision.recorded")) == ["decision.recorded"]
    assert shown(read("?person=nobody")) == [] and shown(read("?action=nothing")) == []


def test_it_is_narrowed_by_time(read: Any, transfer: Ticket) -> None:
    first, second, third = AuditEntry.objects.filter(ticket=transfer)
    with unguarded() as superuser:
        for day, entry in enumerate((first, second, third), start=1):
            superuser.execute(
                "UPDATE approvals_auditentry SET at = make_timestamptz(2025, 3, %s, 12, 0, 0, 'UTC') WHERE id = %s",
                [day, entry.pk],
            )
    assert shown(read("?since=2025-03-02T00:00&until=2025-03-03T12:00")) == [second.pk]
    assert shown(read("?until=2025-03-03T00:00")) == [second.pk, first.pk]


@pytest.mark.parametrize("query", ["ticket=seven", "ticket=0", f"ticket={2**63}", "since=yesterday", "until=x"])
def test_what_cannot_be_read_is_marked_and_nothing_shown(read: Any, transfer: Ticket, query: str) -> None:
    page = read(f"?{query}", status=422)
    assert "field__error" in page and shown(page) == []


@pytest.mark.parametrize("query", ["after=x", "after=1", "after=99999999999999999999-1", "kind=%00", "person=%00x"])
def test_a_strange_address_breaks_nothing(read: Any, transfer: Ticket, query: str) -> None:
    assert read(f"?{query}")


@pytest.mark.parametrize("query", ["", "person=alice", "ticket={ticket}"])
def test_pages_follow_one_another_without_a_gap(
    read: Any, transfer: Ticket, alice: Any, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    with transaction.atomic():
        for _ in range(7):
            audit.append("drill", stream="system/drill", actor=alice)
    query = query.format(ticket=transfer.pk)
    whole = shown(read(f"?{query}"))
    monkeypatch.setattr(entries, "PAGE", 2)
    found, after = list[int](), ""
    while len(found) <= len(whole):
        page = read(f"?{query}&after={after}")
        found += shown(page)
        if "after=" not in (after := page.rpartition('rel="next"')[2].partition('"')[2].partition('"')[0]):
            break
        after = after.rpartition("after=")[2]
    assert found == whole and len(whole) > 2


@pytest.mark.parametrize("query", ["", "?person=alice", "?person=alice&kind=drill", "?ticket={ticket}"])
def test_a_page_of_fifty_takes_no_more_queries_than_one_of_three(
    read: Any, transfer: Ticket, alice: Any, query: str
) -> None:
    counted = []
    for number in (3, 60):
        with transaction.atomic():
            for _ in range(number):
                audit.append("drill", stream="system/drill", actor=alice)
        with CaptureQueriesContext(connection) as asked:
            read(query.format(ticket=transfer.pk))
        counted.append(len(asked))
    assert counted[1] <= counted[0] <= 20


@pytest.mark.parametrize(
    ("query", "index", "column"),
    [
        ("", "audit_time_idx", "at"),
        ("person=alice", "audit_person_idx", "actor_id"),
        ("action=transfer_money", "audit_action_idx", "action"),
        ("kind=sign-in", "audit_kind_idx", "type"),
        ("person=alice&kind=ticket.rejected", "audit_kind_idx", "type"),
        ("person=carol&kind=ticket.opened", "audit_person_idx", "actor_id"),
    ],
)
def test_a_page_begins_in_the_index_of_what_is_rarest(
    read: Any, transfer: Ticket, carol: Any, query: str, index: str, column: str
) -> None:
    """Sorted by it too, so that no guess of the planner's leads along the times of all entries instead."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    with CaptureQueriesContext(connection) as asked:
        read(f"?{query}")
    drawn = next(one["sql"] for one in asked if "sealed_by" in one["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {drawn}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert f"Index Scan Backward using {index}" in plan and "Sort" not in plan
    assert f'ORDER BY "approvals_auditentry"."{column}" DESC' in drawn


# --- what a reviewer is not to know yet


@pytest.fixture
def blind(read: Any, auditor: Any, alice: Any) -> Ticket:
    """Frank reads the record, and is to sign without knowing that Alice did."""
    make_policy(blind=True, requirements={"reviewers": 1, "security": 1})
    return decide(open_ticket(), alice, message="Fine by me.")


def test_who_is_to_sign_blind_reads_no_opinion_here(read: Any, blind: Ticket) -> None:
    opinion = AuditEntry.objects.get(ticket=blind, type="decision.recorded")
    for page in (read(), read(f"?ticket={blind.pk}"), read(f"{opinion.pk}/")):
        assert "A reviewer" in page
        assert not any(secret in page for secret in ("Fine by me", "alice", bytes(opinion.hash).hex()))


def test_looking_for_the_person_tells_nothing_either(read: Any, blind: Ticket) -> None:
    assert shown(read("?person=alice")) == []


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_the_files_wait_until_then(read: Any, blind: Ticket, auditor: Any, format: str) -> None:
    assert "No file while you are still to decide" in read()
    for query in ("", f"?ticket={blind.pk}"):
        read(f"record.{format}{query}", status=403)
    decide(blind, auditor)
    assert "Fine by me." in read(f"record.{format}")


def test_once_said_their_own_word_all_is_told(read: Any, blind: Ticket, auditor: Any) -> None:
    decide(blind, auditor)
    assert "Fine by me." in read(f"?ticket={blind.pk}") and shown(read("?person=alice"))


# --- seals and files


def test_it_says_how_far_the_record_is_sealed(read: Any, transfer: Ticket) -> None:
    assert "None yet" in read() and "the oldest has waited" in read()
    sealing.seal()
    call_command("verify_audit", verbosity=0)
    HeadExport.objects.create(place="https://elsewhere.example", size=2, exported_at=timezone.now())
    page = read()
    assert f"{AuditEntry.objects.count()} entries" in page
    assert "https://elsewhere.example" in page and "over 2" in page


def test_a_head_that_did_not_arrive_is_said(read: Any) -> None:
    HeadExport.objects.create(place="syslog", error="Connection refused.", failed_at=timezone.now())
    assert "Connection refused." in read()


def test_a_record_that_nobody_seals_is_said(read: Any, transfer: Ticket) -> None:
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_auditentry SET at = at - interval '2 minutes'")
    assert "No worker seems to be sealing" in read()


def test_the_file_of_lines_is_what_verifies(read: Any, transfer: Ticket) -> None:
    sealing.seal()
    whole = read("record.jsonl").splitlines()
    assert lines.inspect(whole).first is None
    assert len(whole) == AuditEntry.objects.count() + 2
    one = read(f"record.jsonl?ticket={transfer.pk}").splitlines()
    assert lines.inspect(one).first is None and json.loads(one[0])["stream"] == f"ticket/{transfer.pk}"


def test_the_table_is_of_one_ticket_or_of_all(read: Any, transfer: Ticket) -> None:
    assert len(read("record.csv").splitlines()) == AuditEntry.objects.count() + 1
    assert "Not this month." in read(f"record.csv?ticket={transfer.pk}")


@pytest.mark.parametrize("query", ["ticket=99999", "ticket=x"])
def test_there_is_no_file_of_what_is_not_there(read: Any, query: str) -> None:
    read(f"record.csv?{query}", status=404)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_a_server_of_events_sends_the_file_piece_by_piece(
    async_client: Any, admin: Any, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(streams, "LINES", 3)
    await sync_to_async(_fill)()
    await async_client.aforce_login(admin)
    answer = await async_client.get(f"/audit/record.{format}")
    pieces = [piece async for piece in answer.streaming_content]
    assert len(pieces) >= 7 and b"".join(pieces).count(b"drill") >= 20


def _fill() -> None:
    connection.close()  # this thread is older than the test: a server may have gone from under its connection
    for _ in range(20):
        with transaction.atomic():
            audit.append("drill", stream="system/drill")
