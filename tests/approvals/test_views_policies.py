"""Everybody who signs in can read the rules, in words and in order."""

from __future__ import annotations

import pytest

from approvals import drafts, policy_words, rulebook
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(client):
    def read(person):
        client.force_login(person)
        return client.get("/policies/").content.decode()

    return read


@pytest.fixture
def transfers(cast):
    """Not the fixture of the same name: this one is made by Admin, through the rulebook."""
    values = {"name": "Transfers", "action": "transfer_money", "risk": "high", "condition": "double(args.amount) > 1.0"}
    return rulebook.save(drafts.new(values, {"finance": 1, "reviewers": 1}), actor=cast["admin"], source="admin")


def test_it_says_what_a_policy_is_about_and_who_signs(read, transfers, dave):
    page = read(dave)
    assert "For the action transfer_money of any graph." in page
    assert "double(args.amount) &gt; 1.0" in page
    assert "Waits until 1 of finance and 1 of reviewers have signed." in page
    assert "After 24 h it is closed without running." in page


def test_it_says_the_version_and_who_made_it(read, transfers, dave):
    assert "Version 1, made by admin" in " ".join(read(dave).split())


def test_they_stand_in_the_order_in_which_they_are_tried(read, cast):
    make_policy("Later", position=20, requirements={"reviewers": 1})
    make_policy("Earlier", position=10, requirements={"reviewers": 1})
    page = read(cast["dave"])
    assert page.index("Earlier") < page.index("Later") < page.index("Unknown action")


def test_what_is_switched_off_is_not_in_force(read, cast):
    make_policy("Old", enabled=False, requirements={"reviewers": 1})
    assert "Old" not in read(cast["dave"])


def test_only_staff_find_the_way_to_the_admin(read, transfers, dave, admin):
    assert "/admin/approvals/policy/" not in read(dave)
    assert f"/admin/approvals/policy/{transfers.pk}/change/" in read(admin)


def test_nobody_reads_them_without_signing_in(client):
    assert client.get("/policies/").status_code == 302


def test_a_name_that_hides_something_is_shown_by_its_numbers(read, cast):
    make_policy("Mail\u202eliam", requirements={"reviewers": 1})
    assert "⟨U+202E⟩" in read(cast["dave"])


def test_remembered_approvals_are_shown_to_those_who_may_see_their_ticket(read, cast):
    make_policy("Mail", requirements={"reviewers": 1}, remember_seconds=3600)
    decide(open_ticket(requester=cast["dave"]), cast["alice"], remember=True)
    assert "Ask again from now on" in read(cast["bob"])
    assert "Remembered approvals" not in read(cast["frank"])


def test_it_takes_a_fixed_number_of_queries(client, cast, django_assert_max_num_queries):
    for name in "ABCDEFGH":
        make_policy(name, requirements={"reviewers": 1, "finance": 1})
    client.force_login(cast["dave"])
    with django_assert_max_num_queries(12):
        client.get("/policies/")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gate": "auto", "risk": "low"}, "Runs at once, and is recorded."),
        ({"bar_requester": False}, "Whoever asked may sign."),
        ({"deny_threshold": 2}, "2 rejections end it."),
        ({"remember_seconds": 3600}, "Exactly the same may be let run again for 1 h."),
        ({"recall_seconds": 5}, "An approval can be taken back for 5 s."),
        ({"deadline_seconds": 90}, "After 1 min 30 s it is closed without running."),
        ({"graph": "pay*"}, "For every action of pay*."),
    ],
)
def test_each_rule_has_its_sentence(changes, words):
    draft = drafts.new({"name": "Mail", **changes}, {"reviewers": 1})
    assert words in policy_words.told(draft.body, blank=drafts.new({}).values)
