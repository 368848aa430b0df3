"""A ticket that nobody can complete is found at intake and whenever people come and go, and admins are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import connection
from django.test import Client

from approvals import audit, rosters
from approvals.audit import sealing
from approvals.models import RosterChange, Ticket
from approvals.notices import gathering, holding, sending
from tests.factories import claim, decide, make_policy, open_ticket, unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

OTHER = {"amount": 5, "to": "bob"}
SHORT = "This cannot be signed: it needs 1 more of security than may sign now."


@pytest.fixture
def secured(transfers):
    with unguarded():
        transfers.delete()
    return make_policy(risk="high", requirements={"security": 1, "reviewers": 1})


def shortage(ticket):
    rosters.review()
    ticket.refresh_from_db()
    return ticket.shortage


def types(ticket):
    return [entry.type for entry in ticket.audit_entries.all()]


@pytest.mark.parametrize(
    ("requirements", "requester", "words"),
    [
        ({"reviewers": 2}, "dave", ""),
        ({"reviewers": 3}, "dave", "1 more of reviewers"),
        ({"reviewers": 2}, "alice", "1 more of reviewers"),
        ({"pirates": 2, "reviewers": 1}, "dave", "2 more of pirates"),
        ({"pirates": 1, "reviewers": 3}, "dave", "1 more of pirates and 1 more of reviewers"),
    ],
)
def test_a_ticket_that_nobody_can_sign_is_found_when_it_opens(cast, requirements, requester, words):
    make_policy(requirements=requirements)
    ticket = open_ticket(requester=cast[requester])
    assert words in ticket.shortage and bool(words) == bool(ticket.shortage)
    assert ("ticket.stuck" in types(ticket)) == bool(words)
    assert audit.verify_stream(f"ticket/{ticket.pk}") is None


def test_two_groups_that_share_their_only_member_are_too_few(frank):
    frank.groups.add(Group.objects.create(name="owners"))
    make_policy(requirements={"security": 1, "owners": 1})
    assert open_ticket().shortage


@pytest.mark.parametrize("gate", [{"gate": "auto"}, {"gate": "soft", "on_timeout": "approve"}])
def test_what_runs_by_itself_needs_nobody(gate):
    make_policy(requirements={"pirates": 1}, **gate)
    assert open_ticket().shortage == ""


GOES = {
    "the admin or a shell": lambda frank: frank.groups.clear(),
    "the group's side": lambda frank: Group.objects.get(name="security").user_set.remove(frank),
    "a switch": lambda frank: User.objects.filter(pk=frank.pk).update(is_active=False),
    "plain SQL": lambda frank: connection.cursor().execute(
        "DELETE FROM auth_user_groups WHERE user_id = %s", [frank.pk]
    ),
    "a deletion": lambda frank: frank.delete(),
}


@pytest.mark.parametrize("goes", GOES.values(), ids=GOES)
def test_who_goes_by_whatever_way_is_missed(secured, frank, goes):
    ticket = open_ticket()
    assert shortage(ticket) == ""
    goes(frank)
    assert shortage(ticket) == SHORT
    assert types(ticket)[-1] == "ticket.stuck" and not RosterChange.objects.exists()


def test_who_comes_back_mends_it(secured, frank, erin):
    frank.groups.clear()
    ticket = open_ticket()
    erin.groups.add(Group.objects.get(name="security"))
    assert shortage(ticket) == ""
    assert types(ticket) == ["ticket.opened", "ticket.stuck", "ticket.signable"]


def test_looking_again_changes_nothing_twice(secured, frank):
    ticket = open_ticket()
    frank.groups.clear()
    assert rosters.review() > 0 and rosters.review() == 0
    assert types(ticket).count("ticket.stuck") == 1


def test_an_edit_that_nobody_else_can_sign_is_found_at_once(secured, frank):
    assert decide(open_ticket(), frank, "edit", args=OTHER).shortage == SHORT


def test_a_rejection_below_the_threshold_may_leave_too_few(alice):
    make_policy(deny_threshold=2, requirements={"reviewers": 2})
    assert decide(open_ticket(), alice, "reject").shortage


def test_a_void_approval_waits_and_says_that_nobody_can_complete_it(secured, alice, frank):
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, frank)
    frank.groups.clear()
    assert not claim(ticket)
    assert types(ticket)[-2:] == ["ticket.reopened", "ticket.stuck"]


def test_in_sequence_the_turn_goes_back_when_a_signer_leaves(alice, carol):
    make_policy(in_sequence=True, requirements={"finance": 1, "reviewers": 2})
    ticket = open_ticket()
    decide(ticket, carol)
    carol.groups.clear()
    rosters.review()
    assert list(Ticket.objects.needing(alice)) == []


def stuck(number=1):
    Group.objects.get(name="security").user_set.clear()
    return [open_ticket() for _ in range(number)]


def tell_people() -> int:
    sealing.seal()
    gathering.gather()
    return sending.deliver_due()


def test_admins_get_one_mail_for_all_and_no_more_for_a_while(secured, admin):
    User.objects.filter(pk=admin.pk).update(email="admin@example.com")
    one, two = stuck(2)
    assert (tell_people(), tell_people()) == (2, 0)
    (letter,) = mail.outbox
    assert letter.to == ["admin@example.com"] and "2 tickets that nobody can sign" in letter.subject
    assert all(ticket.get_absolute_url() in letter.body for ticket in (one, two)) and "250" not in letter.body
    stuck()
    assert (tell_people(), len(mail.outbox)) == (0, 1)


def test_after_the_pause_only_what_is_new_is_told(secured, admin, monkeypatch):
    User.objects.filter(pk=admin.pk).update(email="admin@example.com")
    stuck()
    tell_people()
    monkeypatch.setattr(holding, "PAUSE", timedelta(0))
    assert tell_people() == 0
    stuck()
    assert (tell_people(), len(mail.outbox)) == (1, 2)


def test_a_ticket_that_is_stuck_again_is_told_again(secured, admin, bob, monkeypatch):
    User.objects.filter(pk=admin.pk).update(email="admin@example.com")
    monkeypatch.setattr(holding, "PAUSE", timedelta(0))
    stuck()
    assert tell_people() == 1
    security = Group.objects.get(name="security")
    bob.groups.add(security)
    rosters.review()
    assert tell_people() == 0
    bob.groups.remove(security)
    rosters.review()
    assert tell_people() == 1


@pytest.mark.parametrize(("who", "is_told"), [("admin", True), ("alice", False)])
def test_the_inbox_of_staff_lists_what_nobody_can_sign(client: Client, cast, secured, who, is_told):
    stuck()
    client.force_login(cast[who])
    page = client.get("/").content.decode()
    assert ("1 ticket that nobody can sign" in page) == is_told
    # Only alice is asked: in the list of what waits for her it is marked, in the admin's among what waits for others.
    listed = page if who == "alice" else client.get("/?tab=others").content.decode()
    assert "nobody can sign it" in listed


def test_the_ticket_says_that_nobody_can_sign_it(client: Client, secured, alice):
    (ticket,) = stuck()
    client.force_login(alice)
    assert SHORT in client.get(ticket.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("first", "second", "is_short"),
    [
        (("respond", "blue"), ("respond", "red"), True),
        (("respond", "blue"), ("approve", "blue"), True),
        (("approve", ""), ("respond", "blue"), True),
        (("respond", "blue"), None, False),
    ],
)
def test_where_an_answer_counts_like_a_signature_those_who_cannot_agree_any_more_are_found(
    alice, bob, first, second, is_short
):
    make_policy(requirements={"reviewers": 2})
    ticket = open_ticket(answer_releases=True)
    for person, said in ((alice, first), (bob, second)):
        if said:
            decide(ticket, person, said[0], message=said[1])
    assert bool(shortage(ticket)) == is_short


def test_as_long_as_somebody_can_side_with_one_of_them_nobody_is_missing(cast):
    cast["erin"].groups.add(cast["alice"].groups.get())
    make_policy(requirements={"reviewers": 2})
    ticket = open_ticket(answer_releases=True)
    decide(ticket, cast["alice"], "respond", message="blue")
    decide(ticket, cast["bob"], "respond", message="red")
    assert shortage(ticket) == ""
    assert decide(ticket, cast["erin"], "respond", message="red").state == "answered"
