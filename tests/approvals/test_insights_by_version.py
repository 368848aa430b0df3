"""A policy that was changed is another one: how each of its versions fared is told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals import drafts, figures, rulebook, tallies
from approvals.models import Policy, Ticket
from tests.api.programs import Program
from tests.factories import decide, force, make_policy, open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail(cast: Any) -> Policy:
    return make_policy("Mail", action="send_email", risk="medium", requirements={"reviewers": 1})


def asked(number: int, person: Any, type: str = "approve") -> list[Ticket]:
    return [decide(open_ticket("send_email", args={"to": "bob"}), person, type) for _ in range(number)]


def change(policy: Policy) -> None:
    draft = drafts.of(policy)
    values = {**draft.values, "deadline_seconds": 60}
    rulebook.save(replace(draft, values=values), actor=None, source="file", policy=policy)


def test_each_version_has_a_line_of_its_own(alice: Any, mail: Policy) -> None:
    found = asked(3, alice)
    force(found[:2], resolved_at=found[0].opened_at - timedelta(days=2))  # in a day that is kept
    asked(1, alice, "reject")
    change(mail)
    asked(2, alice)
    lines = figures.over(30).lines
    assert [(one.policy, one.version, one.approved, one.rejected) for one in lines] == [
        ("Mail", 1, 3, 1),
        ("Mail", 2, 2, 0),
    ]


def test_actions_are_counted_over_all_versions(alice: Any, mail: Policy) -> None:
    asked(2, alice)
    change(mail)
    asked(1, alice)
    (line,) = figures.per_action(tallies.over(30))
    assert (line.tickets, sum(figures.over(30).hours), figures.over(30).reviewers) == (3, 3, [("alice", 3)])


def test_what_an_earlier_version_asked_for_says_nothing_of_the_one_in_force(alice: Any, mail: Policy) -> None:
    asked(20, alice)
    change(mail)
    assert figures.over(30).findings == []
    asked(20, alice)
    assert [finding.line.version for finding in figures.over(30).findings] == [2]


@pytest.mark.parametrize("who", ["alice", "admin"])
def test_the_api_tells_the_versions_apart(cast: Any, admin: Any, mail: Policy, who: str) -> None:
    asked(2, cast["alice"])
    change(mail)
    asked(1, cast["alice"], "reject")
    open_ticket("send_email")
    (told,) = Program(cast[who], "read").get("insights").json()["items"]
    by_version = [(one["policy"], one["version"], one["tickets"], one["waiting"]) for one in told["policies"]]
    assert (told["tickets"], by_version) == (4, [("Mail", 1, 2, 0), ("Mail", 2, 2, 1)])
    assert [one["approval_rate"] for one in told["policies"]] == [1.0, 0.0]


def test_the_page_names_the_version(client: Client, alice: Any, admin: Any, mail: Policy) -> None:
    asked(1, alice)
    change(mail)
    asked(1, alice)
    client.force_login(admin)
    told = client.get("/insights/").content.decode()
    assert "version 1</span>" in told and "version 2</span>" in told
