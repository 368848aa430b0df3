"""One after the other: what is most urgent, that nobody else is on, is taken up and claimed."""

from __future__ import annotations

import pytest

from approvals import claims, inbox
from approvals.models import Claim
from tests.factories import make_policy, open_ticket

pytestmark = pytest.mark.django_db
NEXT = "/review/next/"


@pytest.fixture
def two(cast):
    make_policy("Mail", action="send_email", requirements={"reviewers": 1}, deadline_seconds=7200)
    make_policy("Pages", action="page_someone", requirements={"reviewers": 1}, deadline_seconds=600)
    return open_ticket("page_someone"), open_ticket("send_email")


@pytest.fixture
def asks(client, alice):
    client.force_login(alice)
    return lambda **facts: client.post(NEXT, facts).url


def test_the_most_urgent_is_opened_and_claimed(two, asks, alice):
    assert asks() == two[0].get_absolute_url()
    assert Claim.objects.live().get(ticket=two[0]).holder == alice


def test_what_a_colleague_is_on_is_left_to_them(two, asks, bob):
    claims.take(two[0].pk, person=bob)
    assert asks() == two[1].get_absolute_url()


def test_one_that_is_left_for_later_is_followed_by_the_rest_and_then_by_those_before_it(two, asks):
    assert asks(after=two[0].pk) == two[1].get_absolute_url()
    assert asks(after=two[1].pk) == two[0].get_absolute_url()


def test_with_nothing_left_it_leads_to_the_inbox(two, asks, bob, client):
    for ticket in two:
        claims.take(ticket.pk, person=bob)
    assert asks() == "/"
    assert "Nothing else is waiting for you" in client.get("/").content.decode()


def test_a_link_leads_there_and_claims_nothing(two, asks, client):
    assert client.get(NEXT).url == two[0].get_absolute_url()
    assert not Claim.objects.exists()


def test_words_that_are_no_number_of_a_ticket_change_nothing(two, asks):
    assert asks(after="x" * 30) == two[0].get_absolute_url()


def test_the_statements_do_not_grow_with_what_waits(two, asks, django_assert_max_num_queries):
    with django_assert_max_num_queries(25) as few:
        asks()
    for number in range(20):
        open_ticket("send_email", args={"to": f"p{number}@example.com"})
    with django_assert_max_num_queries(len(few)):
        asks(after=two[0].pk)


def test_one_after_the_other_goes_on_behind_the_first_page(cast, alice, monkeypatch):
    monkeypatch.setattr(inbox, "PAGE", 2)
    waiting = [open_ticket("send_email").pk for _ in range(5)]
    passed = [waiting[0]]
    while len(passed) < len(waiting):
        passed.append(inbox.next_for(alice, after=passed[-1])[0])
    assert passed == waiting
    assert inbox.next_for(alice, after=passed[-1])[0] == waiting[0]
