"""Where the policy is blind, a reviewer who has not decided sees how many have, and not who, what or why."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from approvals.live import fragments
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
    assert ("1 of 4 signed" in page) == (kind == "approve")


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
