"""Claims, handovers, snoozes and more time: who looks after a ticket, and never who may decide."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from approvals import claims, deadlines, display, extensions, handovers, snoozes
from approvals.errors import (
    AlreadyDecided,
    CannotHandOver,
    CannotSnooze,
    ClaimHeld,
    InvalidArguments,
    NoMoreTime,
    NotAnApprover,
    OwnRequest,
    TicketClosed,
    TooLate,
)
from approvals.live import fragments
from approvals.models import AuditEntry, Claim, Snooze, Ticket
from tests.factories import decide, make_policy, open_ticket, overdue

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def ticket(cast):
    make_policy("Transfers", requirements={"reviewers": 2}, may_extend_seconds=3600, may_extend_times=2)
    return open_ticket(requester=cast["dave"])


def held_by(ticket):
    return Ticket.objects.for_list().get(pk=ticket.pk).claimed_by


def lapse(ticket):
    Claim.objects.filter(ticket=ticket).update(expires_at=timezone.now() - timedelta(seconds=1))


def entries(ticket, prefix):
    return list(
        AuditEntry.objects.filter(ticket=ticket, type__startswith=prefix).order_by("seq").values_list("type", flat=True)
    )


ACTS = {
    "claim": lambda ticket, person, other: claims.take(ticket.pk, person=person),
    "handover": lambda ticket, person, other: handovers.give(ticket.pk, giver=person, receiver=other),
    "snooze": lambda ticket, person, other: snoozes.put_off(ticket.pk, person=person, seconds=60),
    "extend": lambda ticket, person, other: extensions.extend(ticket.pk, person=person),
}


@pytest.mark.parametrize("act", ACTS)
def test_only_who_may_decide_may_look_after_a_ticket(ticket, cast, act):
    with pytest.raises(NotAnApprover):
        ACTS[act](ticket, cast["carol"], cast["bob"])
    with pytest.raises(OwnRequest):
        ACTS[act](ticket, cast["dave"], cast["bob"])


@pytest.mark.parametrize("act", ACTS)
def test_a_closed_ticket_needs_nobody_to_look_after_it(ticket, alice, bob, act):
    decide(ticket, bob, "reject")
    with pytest.raises(TicketClosed):
        ACTS[act](ticket, alice, bob)


@pytest.mark.parametrize("act", ACTS)
def test_after_the_deadline_it_is_too_late(ticket, alice, bob, act):
    with pytest.raises(TooLate):
        ACTS[act](overdue(ticket), alice, bob)
    assert not entries(ticket, "claim.") + entries(ticket, "handover.") + entries(ticket, "deadline.")


def test_a_claim_is_shown_and_recorded(ticket, alice):
    claims.take(ticket.pk, person=alice)
    assert (held_by(ticket), entries(ticket, "claim.")) == ("alice", ["claim.taken"])


def test_a_claim_lapses_by_itself(ticket, alice, bob):
    claims.take(ticket.pk, person=alice)
    lapse(ticket)
    assert held_by(ticket) is None
    claims.take(ticket.pk, person=bob)
    assert entries(ticket, "claim.") == ["claim.taken", "claim.taken"]


def test_a_claim_blocks_no_decision(ticket, alice, bob):
    claims.take(ticket.pk, person=alice)
    assert decide(ticket, bob, "reject").state == "rejected"


def test_a_colleague_s_claim_is_broken_only_with_a_note(ticket, alice, bob):
    claims.take(ticket.pk, person=alice)
    with pytest.raises(ClaimHeld, match="alice is on it"):
        claims.take(ticket.pk, person=bob, note="  ")
    claims.take(ticket.pk, person=bob, note="You are at lunch.")
    assert (held_by(ticket), entries(ticket, "claim.")) == ("bob", ["claim.taken", "claim.broken"])


def test_a_claim_is_renewed_but_a_double_click_is_nothing(ticket, alice):
    claims.take(ticket.pk, person=alice)
    claims.take(ticket.pk, person=alice)
    Claim.objects.update(expires_at=F("expires_at") - timedelta(minutes=3))
    claims.take(ticket.pk, person=alice)
    assert entries(ticket, "claim.") == ["claim.taken", "claim.renewed"]


def test_a_claim_ends_with_the_word_of_its_holder(ticket, alice):
    claims.take(ticket.pk, person=alice)
    decide(ticket, alice)
    assert held_by(ticket) is None
    with pytest.raises(AlreadyDecided):
        claims.take(ticket.pk, person=alice)


def test_letting_go_twice_is_harmless(ticket, alice):
    claims.take(ticket.pk, person=alice)
    claims.release(ticket.pk, person=alice)
    claims.release(ticket.pk, person=alice)
    assert (held_by(ticket), entries(ticket, "claim.")) == (None, ["claim.taken", "claim.released"])


def test_what_was_handed_to_me_comes_first(ticket, alice, bob):
    urgent = open_ticket()
    Ticket.objects.filter(pk=urgent.pk).update(deadline_at=F("deadline_at") - HOUR)
    assert Ticket.objects.needing(bob).by_urgency(bob).first() == urgent
    handovers.give(ticket.pk, giver=alice, receiver=bob, note="You know the account.")
    assert Ticket.objects.needing(bob).by_urgency(bob).first() == ticket
    assert Ticket.objects.needing(alice).by_urgency(alice).first() == urgent


def test_a_handover_takes_no_right_away(ticket, alice, bob):
    handovers.give(ticket.pk, giver=alice, receiver=bob)
    assert decide(decide(ticket, alice), bob).state == "approved"


@pytest.mark.parametrize("receiver", ["alice", "carol", "dave"])
def test_a_handover_goes_to_somebody_else_who_may_decide(ticket, cast, receiver):
    with pytest.raises(CannotHandOver):
        handovers.give(ticket.pk, giver=cast["alice"], receiver=cast[receiver])
    assert not entries(ticket, "handover.")


def test_a_handover_to_somebody_who_has_voted_is_refused(ticket, alice, bob):
    decide(ticket, bob)
    with pytest.raises(CannotHandOver, match="bob cannot decide on this ticket, or has done so already"):
        handovers.give(ticket.pk, giver=alice, receiver=bob)


def test_a_handover_wakes_its_receiver_and_ends_the_giver_s_claim(ticket, alice, bob):
    snoozes.put_off(ticket.pk, person=bob, seconds=600)
    claims.take(ticket.pk, person=alice)
    handovers.give(ticket.pk, giver=alice, receiver=bob)
    assert ticket in Ticket.objects.needing(bob)
    assert held_by(ticket) is None


def test_a_snooze_concerns_one_person(ticket, alice, bob):
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    assert ticket not in Ticket.objects.needing(alice)
    assert list(Ticket.objects.snoozed_by(alice)) == [ticket]
    assert ticket not in Ticket.objects.not_needing(alice)
    assert ticket in Ticket.objects.needing(bob)


def test_a_snooze_ends_by_the_database_s_clock(ticket, alice):
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    Snooze.objects.update(until=F("until") - timedelta(seconds=601))
    assert ticket in Ticket.objects.needing(alice)
    assert not Ticket.objects.snoozed_by(alice)


def test_a_snooze_can_be_ended_early(ticket, alice):
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    snoozes.wake(ticket.pk, person=alice)
    snoozes.wake(ticket.pk, person=alice)
    assert ticket in Ticket.objects.needing(alice)


def test_an_escalation_wakes_everybody(cast, alice):
    make_policy(requirements={"reviewers": 1}, steps=[("security", 1, 3600)])
    ticket = open_ticket()
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    deadlines.expire(overdue(ticket).pk)
    assert ticket in Ticket.objects.needing(alice)


@pytest.mark.parametrize("hours", [-1, 0, 25, 1000])
def test_a_snooze_ends_between_now_and_the_deadline(ticket, alice, hours):
    with pytest.raises(CannotSnooze):
        snoozes.put_off(ticket.pk, person=alice, until=ticket.opened_at + hours * HOUR)
    assert ticket in Ticket.objects.needing(alice)


def test_an_extension_moves_the_deadline_and_its_job(ticket, alice):
    before = ticket.deadline_at
    after = extensions.extend(ticket.pk, person=alice).deadline_at
    assert after - before == HOUR
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'approvals.expire' AND scheduled_at = %s",
            [after],
        )
        assert cursor.fetchone()[0] == 1
    facts = json.loads(bytes(AuditEntry.objects.get(type="deadline.extended").body))["facts"]
    assert facts == {"seconds": 3600, "deadline_at": after.isoformat()}


def test_the_old_deadline_s_job_does_nothing_after_an_extension(ticket, alice):
    Ticket.objects.filter(pk=ticket.pk).update(deadline_at=timezone.now() + timedelta(seconds=2))
    extensions.extend(ticket.pk, person=alice)
    assert not deadlines.expire(ticket.pk)


def test_a_deadline_is_moved_as_often_as_the_policy_allows(ticket, alice, bob):
    extensions.extend(ticket.pk, person=alice)
    extensions.extend(ticket.pk, person=bob)
    with pytest.raises(NoMoreTime, match="the policy allows that 2 times"):
        extensions.extend(ticket.pk, person=alice)


def test_a_policy_that_says_nothing_allows_no_more_time(cast):
    make_policy("Mail", position=1, action="mail", requirements={"reviewers": 1})
    with pytest.raises(NoMoreTime, match="lets nobody move this deadline"):
        extensions.extend(open_ticket("mail").pk, person=cast["alice"])


# --- the pages


def post(client, ticket, path, user, **fields):
    client.force_login(user)
    return client.post(f"/tickets/{ticket.pk}/{path}/", fields, follow=True)


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("claim", {}, "You are on it"),
        ("handover", {"to": "bob", "note": "You know the account."}, "You know the account."),
        ("extension", {}, "The deadline is now"),
        ("snooze", {"seconds": "600"}, "Snoozed"),
        ("snooze/end", {}, "I am on it"),
        ("claim/release", {}, "I am on it"),
    ],
)
def test_each_is_one_post_that_works_without_javascript(client, ticket, alice, path, fields, words):
    answer = post(client, ticket, path, alice, **fields)
    assert (answer.status_code, words in answer.content.decode()) == (200, True)


@pytest.mark.parametrize(
    ("path", "fields", "status", "words"),
    [
        ("claim", {"note": "x" * 1001}, 422, "A note has at most 1,000 characters."),
        ("handover", {}, 422, "Choose a colleague who may decide"),
        ("handover", {"to": "carol"}, 422, "Choose a colleague who may decide"),
        ("handover", {"to": "nobody\x00"}, 422, "Choose a colleague who may decide"),
        ("handover", {"to": "bob", "note": "x" * 1001}, 422, "A note has at most 1,000 characters."),
        ("snooze", {}, 422, "Choose a time between now and the deadline."),
        ("snooze", {"seconds": "-5"}, 422, "Choose a time between now and the deadline."),
        ("snooze", {"seconds": "1e99"}, 422, "Choose a time between now and the deadline."),
        ("snooze", {"seconds": "9" * 40}, 422, "Choose a time between now and the deadline."),
        ("snooze", {"until": "tomorrow"}, 422, "Choose a time between now and the deadline."),
        ("snooze", {"until": "9999-12-31T23:59"}, 422, "only after its deadline"),
        ("snooze", {"until": "2020-01-01T00:00"}, 422, "Choose a time that is still to come."),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(client, ticket, alice, path, fields, status, words):
    answer = post(client, ticket, path, alice, **fields)
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    assert not Snooze.objects.exists() and not Claim.objects.exists() and not entries(ticket, "handover.")


@pytest.mark.parametrize("path", ["claim", "claim/release", "handover", "snooze", "snooze/end", "extension"])
def test_a_stranger_finds_no_ticket_and_a_look_changes_nothing(client, ticket, carol, alice, path):
    assert post(client, ticket, path, carol).status_code == 404
    client.force_login(alice)
    entries = AuditEntry.objects.count()
    assert client.get(f"/tickets/{ticket.pk}/{path}/").status_code == (200 if path == "snooze" else 405)
    assert (AuditEntry.objects.count(), Claim.objects.count(), Snooze.objects.count()) == (entries, 0, 0)


@pytest.mark.parametrize("path", ["decisions", "recall", "secrets", "claim", "handover", "grant/revocation"])
def test_a_reload_of_what_was_posted_leads_back_to_the_ticket(client, ticket, alice, carol, path):
    client.force_login(alice)
    answer = client.get(f"/tickets/{ticket.pk}/{path}/", headers={"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["Location"]) == (302, ticket.get_absolute_url())
    client.force_login(carol)
    assert client.get(f"/tickets/{ticket.pk}/{path}/", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 404


def test_everybody_on_the_ticket_sees_who_is_on_it_and_who_was_asked(client, ticket, alice, bob, dave):
    handovers.give(ticket.pk, giver=bob, receiver=alice, note="<b>please</b>")
    claims.take(ticket.pk, person=alice)
    client.force_login(dave)
    page = client.get(ticket.get_absolute_url()).content.decode()
    assert "<strong>alice is on it</strong>" in page
    assert "&lt;b&gt;please&lt;/b&gt;" in page
    assert "Hand over…" not in page
    row = client.get("/?tab=others").content.decode()
    assert "alice is on it" in row and "bob asked alice" in row


def test_the_inbox_lists_what_was_put_off_and_when_it_returns(client, ticket, alice):
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    client.force_login(alice)
    assert "Nothing is waiting for you" in client.get("/").content.decode()
    page = client.get("/?tab=snoozed").content.decode()
    assert page.count(f'id="ticket-row-{ticket.pk}"') == 1
    assert "The next one is back <time" in page


def test_the_history_tells_all_of_it(client, ticket, alice, bob):
    claims.take(ticket.pk, person=alice)
    claims.take(ticket.pk, person=bob, note="at lunch")
    handovers.give(ticket.pk, giver=bob, receiver=alice)
    extensions.extend(ticket.pk, person=bob)
    client.force_login(alice)
    page = client.get(ticket.get_absolute_url()).content.decode()
    for words in (
        "is on it",
        "took it over from alice",
        "at lunch",
        "asked alice to decide",
        "moved the deadline by 1 h",
    ):
        assert words in page


# --- the pages that are open


def told(ticket, *people):
    """What each of these people's open pages hear of everything that happened."""
    ids = list(AuditEntry.objects.values_list("id", flat=True))
    pushes = fragments.batch(ids, connected=[person.pk for person in people], last=0).pushes
    return {person.username: "".join(push.html for push in pushes if person.pk in push.users) for person in people}


def test_open_pages_put_a_ticket_first_for_whom_it_was_handed_to(ticket, alice, bob):
    handovers.give(ticket.pk, giver=alice, receiver=bob)
    heard = told(ticket, alice, bob)
    assert "afterbegin:#inbox-list" in heard["alice"] and 'data-order="2 ' in heard["alice"]
    assert "afterbegin:#inbox-list" in heard["bob"] and 'data-order="0 ' in heard["bob"]


def test_open_pages_leave_what_was_put_off_where_it_is(ticket, alice, bob):
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    claims.take(ticket.pk, person=bob)
    heard = told(ticket, alice, bob)
    assert "#inbox-list" not in heard["alice"] and "bob is on it" in heard["alice"]
    assert "#inbox-list" in heard["bob"]


def test_open_pages_of_the_next_group_get_what_was_escalated(cast, alice, frank):
    make_policy(requirements={"reviewers": 1}, steps=[("security", 1, 3600)])
    ticket = open_ticket()
    snoozes.put_off(ticket.pk, person=alice, seconds=600)
    assert told(ticket, frank)["frank"] == ""
    deadlines.expire(overdue(ticket).pk)
    for html in told(ticket, alice, frank).values():
        assert "afterbegin:#inbox-list" in html and "escalated to security" in html and 'data-order="1 ' in html


def test_the_list_and_the_open_page_sort_alike(cast, alice, bob):
    make_policy(requirements={"reviewers": 2}, steps=[("security", 1, 3600)])
    plain, handed, escalated = open_ticket(), open_ticket(), open_ticket()
    handovers.give(handed.pk, giver=bob, receiver=alice)
    deadlines.expire(overdue(escalated).pk)
    listed = list(Ticket.objects.needing(alice).by_urgency(alice).for_list())
    assert listed == sorted(listed, key=lambda ticket: display.order(ticket, alice)) == [handed, escalated, plain]


@pytest.mark.parametrize("note", ["a\x00b", "a\ud800b"])
def test_a_note_that_nothing_can_keep_is_refused(alice, bob, note):
    ticket = open_ticket()
    with pytest.raises(InvalidArguments):
        claims.take(ticket.pk, person=alice, note=note)
    with pytest.raises(InvalidArguments):
        handovers.give(ticket.pk, giver=alice, receiver=bob, note=note)
