"""Where the policy is blind, a reviewer who has not decided sees how many have, and not who, what or why."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from approvals import claims, handovers, history, policy, tickets
from approvals.api import shapes
from approvals.live import fragments
from approvals.models import Ticket
from tests.api.programs import Program
from tests.factories import decide, make_policy, open_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

SECRETS = ("erin", "looks wrong to me")
READS = ("view_ticket", "view_decision", "view_revision", "view_auditentry")


@pytest.fixture
def blind():
    make_policy(blind=True, risk="medium", deny_threshold=2, requirements={"reviewers": 2, "finance": 2})
    return open_ticket()


def page_of(client: Client, ticket, reader) -> str:
    client.force_login(reader)
    return client.get(ticket.get_absolute_url()).content.decode()


def told(page):
    return [secret for secret in SECRETS if secret in page]


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_who_has_not_decided_sees_only_how_many_have(client, blind, alice, erin, kind):
    decide(blind, erin, kind, message="looks wrong to me")
    page = page_of(client, blind, alice)
    assert told(page) == []
    assert "A reviewer</strong> decided" in page
    assert "1 of 4 decided" in page


def words_of(page):
    """What can be read on a page, without what differs from one drawing or ticket to the next."""
    text = re.sub(r"<(script|style|input|a|form|time)\b[^>]*>", " ", page)
    return re.sub(r"\d\d:\d\d:\d\d|\b\d+\b|[0-9a-f]{12,}", "#", re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


SMALL = {"requirements": {"reviewers": 2}, "risk": "medium"}
SOFT = {"requirements": {"reviewers": 2}, "risk": "low", "gate": "soft", "on_timeout": "approve"}


@pytest.mark.parametrize("policy", [SMALL, SOFT], ids=["two of two", "soft gate"])
def test_who_has_not_decided_cannot_tell_a_yes_from_a_no(client, alice, bob, policy):
    make_policy(blind=True, deny_threshold=2, **policy)
    tickets = {kind: decide(open_ticket(), bob, kind) for kind in ("approve", "reject")}
    pages = {kind: words_of(page_of(client, ticket, alice)) for kind, ticket in tickets.items()}
    assert "decided" in pages["approve"] and pages["approve"] == pages["reject"]
    rows = [fragments._row(Ticket.objects.for_list().get(pk=ticket.pk)) for ticket in tickets.values()]
    assert words_of(rows[0]) == words_of(rows[1])


def test_the_api_does_not_tell_a_yes_from_a_no_either(alice, bob):
    make_policy(blind=True, deny_threshold=2, **SMALL)
    told = []
    for kind in ("approve", "reject"):
        ticket = decide(open_ticket(), bob, kind)
        [out] = shapes.tickets(Ticket.objects.for_list().filter(pk=ticket.pk), reader=alice)
        told.append((out.requirements, out.shortage, [(vote.type, vote.counts) for vote in out.decisions]))
    assert told[0] == told[1]


def test_a_refused_handover_does_not_tell_who_has_decided(blind, alice, bob):
    decide(blind, bob)
    assert bob in policy.colleagues(blind, of=alice)
    assert handovers.give(blind.pk, giver=alice, receiver=bob).handover.receiver == bob


def test_a_claim_that_ends_does_not_tell_who_has_decided(blind, alice, bob):
    claims.take(blind.pk, person=bob)
    decide(blind, bob)
    assert Ticket.objects.for_list().get().claimed_by == "bob"


def test_an_edit_shows_what_it_changed_and_not_who(client, blind, alice, erin):
    decide(blind, erin, "edit", args={"amount": 7, "to": "bob"}, message="looks wrong to me")
    page = page_of(client, blind, alice)
    assert told(page) == [] and "is now </span>7</ins>" in page


def test_an_edit_closes_the_eyes_again(client, blind, alice, bob, erin):
    decide(blind, alice)
    decide(blind, erin, "edit", args={"amount": 7, "to": "bob"}, message="looks wrong to me")
    assert told(page_of(client, blind, alice)) == []


def test_who_has_decided_sees_all(client, blind, alice, erin):
    decide(blind, erin, message="looks wrong to me")
    decide(blind, alice)
    assert told(page_of(client, blind, alice)) == list(SECRETS)


@pytest.mark.parametrize("who", ["erin", "admin"])
def test_the_author_and_an_auditor_see_all(client, cast, blind, erin, who):
    decide(blind, erin, message="looks wrong to me")
    assert told(page_of(client, blind, cast[who])) == list(SECRETS)


def test_once_it_is_closed_everybody_sees_all(client, blind, alice, bob, erin):
    decide(blind, erin, "reject", message="looks wrong to me")
    decide(blind, bob, "reject")
    assert told(page_of(client, blind, alice)) == list(SECRETS)


def test_without_the_policy_nothing_is_hidden(client, alice, erin):
    make_policy(requirements={"reviewers": 1, "finance": 1})
    ticket = open_ticket()
    decide(ticket, erin, message="looks wrong to me")
    assert told(page_of(client, ticket, alice)) == list(SECRETS)


def test_what_the_socket_and_the_catch_up_send_tells_nothing(client, blind, alice, erin):
    decide(blind, erin, message="looks wrong to me")
    assert told(fragments.changes_since(alice, 0)) == []
    client.force_login(alice)
    assert told(client.get("/").content.decode()) == []


def test_a_refused_decision_tells_nothing_either(client, blind, alice, erin):
    decide(blind, erin, message="looks wrong to me")
    client.force_login(alice)
    answer = client.post(f"/tickets/{blind.pk}/decisions/", {"type": "approve", "digest": "0" * 64})
    assert answer.status_code == 409 and told(answer.content.decode()) == []


@pytest.fixture
def recalled(alice, erin, carol):
    """Both had signed, and a third person took both signatures back."""
    make_policy(blind=True, risk="medium", recall_seconds=600, requirements={"reviewers": 1, "finance": 1})
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, erin, message="looks wrong to me")
    return tickets.recall(ticket.pk, actor=carol)


def test_who_took_an_approval_back_is_told_to_nobody_who_has_not_decided_anew(client, recalled, alice, bob):
    for reader in (alice, bob):
        page = page_of(client, recalled, reader)
        assert "A reviewer</strong> took the approval back" in page
        seen = [page, fragments.changes_since(reader, 0), client.get("/").content.decode()]
        entries = Program(reader, "read").get("audit", ticket=recalled.pk).json()
        seen += [json.dumps(entries), json.dumps(Program(reader, "read").get(f"tickets/{recalled.pk}").json())]
        assert [name for name in ("carol", *SECRETS) for words in seen if name in words] == []
    hidden = [entry["type"] for entry in entries["items"] if entry["facts"] is None]
    assert hidden == ["decision.recorded", "decision.recorded", "ticket.approved", "ticket.recalled"]


def test_a_repeated_approval_does_not_say_who_took_it_back(client, recalled, alice, erin):
    client.force_login(alice)
    posted = {"type": "approve", "digest": recalled.digest}
    answer = client.post(f"/tickets/{recalled.pk}/decisions/", posted).content.decode()
    assert "A reviewer took your approval back" in answer and "carol" not in answer
    decide(recalled, alice)
    assert "<strong>carol</strong> took the approval back" in page_of(client, recalled, alice)


def test_what_no_person_approved_is_nobody_s_opinion(client, alice):
    make_policy(action="search", gate="auto", risk="low", blind=True)
    entry = open_ticket("search").audit_entries.get(type="ticket.approved")
    assert not history.is_of_another(entry, alice)


def test_the_admin_s_lists_do_not_name_who_took_an_approval_back(client, recalled, alice):
    alice.is_staff = True
    alice.save()
    alice.user_permissions.set(Permission.objects.filter(codename__in=READS))
    client.force_login(alice)
    for page in ("/admin/approvals/auditentry/", "/audit/", "/audit/?person=carol", "/audit/?person=erin"):
        found = client.get(page, follow=True).content.decode()
        assert not re.search(r"(carol|erin)(?!\"|</option>)", found.partition("<main")[2]), page


def test_the_admin_s_lists_tell_a_reviewer_among_the_staff_nothing_either(client, blind, alice, erin):
    decide(blind, erin, message="looks wrong to me")
    alice.is_staff = True
    alice.save()
    alice.user_permissions.set(Permission.objects.filter(codename__in=READS))
    client.force_login(alice)
    pages = [f"/admin/approvals/ticket/{blind.pk}/change/", "/admin/approvals/auditentry/"]
    assert [told(client.get(page).content.decode()) for page in pages] == [[], []]
    decide(blind, alice)
    assert [told(client.get(page).content.decode())[:1] for page in pages] == [["erin"], ["erin"]]
