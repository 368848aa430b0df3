"""A person's word over the API: every rule of the pages, in the codes of the contract."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import AuditEntry, Decision
from tests import factories
from tests.api.programs import Program, code_of


@pytest.fixture
def asked(agent: Program, transfers: Any) -> int:
    """A transfer that Dave's agent asks for."""
    return int(agent.ask(args_schema=factories.TRANSFER_SCHEMA).json()["id"])


def test_two_words_release_it(asked: int, alice: Any, carol: Any) -> None:
    assert Program(alice, "decide").decide(asked).json()["state"] == "pending"
    assert Program(carol, "decide").decide(asked, message="Fine.").json()["state"] == "approved"
    assert Decision.objects.get(reviewer=carol).message == "Fine."
    assert AuditEntry.objects.get(type="decision.recorded", actor=carol).told["method"] == "token"


def test_a_closed_ticket(asked: int, alice: Any, carol: Any) -> None:
    Program(alice, "decide").decide(asked, "reject")
    refused = Program(carol, "decide").decide(asked)
    assert code_of(refused) == (409, "ticket_closed")
    assert refused.json()["state"] == "rejected"


def test_an_old_digest(asked: int, alice: Any, carol: Any) -> None:
    old = Program(alice, "read").get(f"tickets/{asked}").json()["digest"]
    new = Program(alice, "decide").decide(asked, "edit", args={"amount": 5, "to": "bob"}).json()["digest"]
    refused = Program(carol, "decide").decide(asked, digest=old)
    assert code_of(refused) == (409, "stale_digest")
    assert refused.json()["digest"] == new


def test_a_second_word(asked: int, alice: Any) -> None:
    Program(alice, "decide").decide(asked)
    assert code_of(Program(alice, "decide").decide(asked)) == (409, "already_decided")


def test_past_the_deadline(asked: int, alice: Any) -> None:
    from approvals.models import Ticket

    factories.overdue(Ticket.objects.get(pk=asked))
    assert code_of(Program(alice, "decide").decide(asked)) == (409, "too_late")


def test_ones_own_request(asked: int, dave: Any) -> None:
    assert code_of(Program(dave, "decide").decide(asked)) == (403, "own_request")


def test_somebody_who_may_look_and_not_decide(asked: int, admin: Any) -> None:
    assert code_of(Program(admin, "decide").decide(asked)) == (403, "not_an_approver")


def test_a_word_the_ticket_does_not_take(agent: Program, transfers: Any, alice: Any) -> None:
    ticket = agent.ask(allowed_decisions=["approve", "reject"]).json()["id"]
    assert code_of(Program(alice, "decide").decide(ticket, "edit", args={})) == (422, "decision_not_allowed")
    assert code_of(Program(alice, "decide").decide(ticket, "shrug")) == (422, "decision_not_allowed")


def test_arguments_that_do_not_fit(asked: int, alice: Any) -> None:
    refused = Program(alice, "decide").decide(asked, "edit", args={"amount": -5, "to": "bob"})
    assert code_of(refused) == (422, "invalid_args")
    assert refused.json()["errors"][0]["path"] == "/amount"


def test_a_manual_gate_is_typed_over_the_api_too(agent: Program, alice: Any) -> None:
    factories.make_policy(
        action="transfer_money", gate="manual", risk="critical", confirm="{to}", requirements={"reviewers": 1}
    )
    ticket = agent.ask().json()
    assert ticket["confirm_text"] == "bob"
    refused = Program(alice, "decide").decide(ticket["id"])
    assert code_of(refused) == (422, "confirmation_required")
    assert Program(alice, "decide").decide(ticket["id"], confirm="bob").json()["state"] == "approved"


def test_an_edit_is_a_new_revision_and_voids_the_votes(asked: int, alice: Any, carol: Any) -> None:
    Program(carol, "decide").decide(asked)
    told = Program(alice, "decide").decide(asked, "edit", args={"amount": 5, "to": "bob"}).json()
    assert (told["revision"], told["args"]["amount"], told["state"]) == (2, 5, "pending")
    assert [(word["reviewer"], word["counts"]) for word in told["decisions"]] == [("carol", False), ("alice", True)]


def test_an_approval_is_taken_back_inside_its_window(agent: Program, alice: Any) -> None:
    factories.make_policy(action="transfer_money", recall_seconds=60, requirements={"reviewers": 1})
    ticket = agent.ask().json()["id"]
    reviewer = Program(alice, "decide")
    reviewer.decide(ticket)
    assert reviewer.post(f"tickets/{ticket}/recall").json()["state"] == "pending"
    assert code_of(reviewer.post(f"tickets/{ticket}/recall")) == (409, "ticket_closed")


def test_once_the_agent_may_have_fetched_it_nothing_is_taken_back(asked: int, alice: Any, carol: Any) -> None:
    Program(alice, "decide").decide(asked)
    Program(carol, "decide").decide(asked)
    assert code_of(Program(alice, "decide").post(f"tickets/{asked}/recall")) == (409, "too_late")
