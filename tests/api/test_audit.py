"""The record and the figures over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from approvals.audit import sealing
from approvals.models import AuditEntry, Leaf
from tests import factories
from tests.api.programs import Program, code_of


@pytest.fixture
def asked(agent: Program, transfers: Any) -> int:
    """A transfer that Dave's agent asks for."""
    return int(agent.ask().json()["id"])


def test_entries_come_in_order_and_each_once(agent: Program, asked: int, alice: Any) -> None:
    Program(alice, "decide").decide(asked, "reject", message="No.")
    found, after = [], 0
    while after is not None:
        page = agent.get("audit", ticket=asked, after=after, limit=1).json()
        found, after = found + page["items"], page["next"]
    assert [entry["type"] for entry in found] == ["ticket.opened", "decision.recorded", "ticket.rejected"]
    assert [entry["seq"] for entry in found] == [1, 2, 3]
    assert found[1]["prev"] == found[0]["hash"]
    assert (found[1]["actor"], found[1]["facts"]["message"]) == ("alice", "No.")


def test_the_record_of_a_ticket_one_may_not_see_is_not_found(asked: int, frank: Any) -> None:
    assert code_of(Program(frank, "read").get("audit", ticket=asked)) == (404, "not_found")
    sealing.seal()
    assert Program(frank, "read").get("audit").json()["items"] == []


def test_an_auditor_reads_all_of_it(asked: int, frank: Any) -> None:
    frank.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    sealing.seal()
    types = {entry["type"] for entry in Program(frank, "read").get("audit").json()["items"]}
    assert {"token.created", "ticket.opened"} <= types


def test_a_page_goes_on_behind_what_was_committed_and_not_behind_a_number(asked: int, frank: Any) -> None:
    """An entry that was written earlier and committed later has a smaller id and a later place."""
    auditor = Program(frank, "read")
    frank.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert auditor.get("audit").json()["items"] == []
    late = AuditEntry.objects.earliest("pk")
    hashes = list(AuditEntry.objects.order_by("pk").values_list("pk", "hash"))
    for number, (pk, found) in enumerate([*hashes[1:], hashes[0]]):
        if pk == late.pk:
            known = auditor.get("audit").json()["items"]
        Leaf.objects.create(number=number, entry_id=pk, hash=found)
    [new] = auditor.get("audit", after=known[-1]["id"]).json()["items"]
    assert new["id"] == late.pk < known[-1]["id"]
    page = auditor.get("audit", limit=1).json()
    assert auditor.get("audit", after=page["next"]).json()["items"][0]["id"] == hashes[2][0]


def test_who_has_not_spoken_reads_no_opinions(agent: Program, alice: Any, bob: Any) -> None:
    factories.make_policy(action="transfer_money", blind=True, requirements={"reviewers": 2})
    ticket = agent.ask().json()["id"]
    Program(alice, "decide").decide(ticket, message="Fine by me.")
    hidden = Program(bob, "read").get("audit", ticket=ticket).json()["items"][1]
    assert (hidden["type"], hidden["actor"], hidden["facts"], hidden["hash"]) == ("decision.recorded", None, None, None)
    assert Program(alice, "read").get("audit", ticket=ticket).json()["items"][1]["actor"] == "alice"


def test_figures_say_how_people_decide(agent: Program, alice: Any, transfers: Any) -> None:
    factories.make_policy("Mail", action="send_email", requirements={"reviewers": 1})
    reviewer = Program(alice, "decide")
    for word, more in (("approve", {}), ("edit", {"args": {"to": "x"}}), ("reject", {})):
        reviewer.decide(agent.ask(action="send_email", args={"to": "y"}).json()["id"], word, **more)
    agent.ask()
    mail, transfer = reviewer.get("insights").json()["items"]
    assert (mail["action"], mail["tickets"], mail["approved"], mail["edited"], mail["rejected"]) == (
        "send_email",
        3,
        1,
        1,
        1,
    )
    assert (mail["approval_rate"], mail["edit_rate"]) == (0.6667, 0.3333)
    assert (transfer["waiting"], transfer["approval_rate"], transfer["median_seconds"]) == (1, None, None)


def test_figures_are_of_what_one_may_see(asked: int, frank: Any) -> None:
    assert Program(frank, "read").get("insights").json()["items"] == []
