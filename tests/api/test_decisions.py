"""A person's word over the API: every rule of the pages, in the codes of the contract."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import AuditEntry, Decision, KeyedRequest, Ticket
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


class TestSentAgain:
    """The answer got lost, and the program sends the same request once more."""

    @pytest.fixture
    def mail(self, agent: Program) -> dict[str, Any]:
        """What one reviewer approves, and may take back for a minute."""
        factories.make_policy(action="transfer_money", recall_seconds=60, requirements={"reviewers": 1})
        told: dict[str, Any] = agent.ask().json()
        return told

    @pytest.fixture
    def reviewer(self, alice: Any) -> Program:
        return Program(alice, "decide")

    def approve(self, program: Program, mail: dict[str, Any], key: str = "", **fields: Any) -> Any:
        said = {"type": "approve", "digest": mail["digest"]} | fields
        return program.post(f"tickets/{mail['id']}/decisions", said, **({"Idempotency-Key": key} if key else {}))

    def test_under_its_key_it_is_the_same_word_and_is_answered_as_before(
        self, mail: Any, reviewer: Program, alice: Any
    ) -> None:
        first, again = (self.approve(reviewer, mail, "k-1") for _ in range(2))
        other_token = self.approve(Program(alice, "decide"), mail, "k-1")
        assert [first.status_code, again.status_code, other_token.status_code] == [200] * 3
        assert first.json() == again.json() == other_token.json()
        assert Decision.objects.count() == KeyedRequest.objects.count() == 1

    def test_an_edit_is_made_once(self, mail: Any, reviewer: Program) -> None:
        edit = {"type": "edit", "args": {"amount": 5, "to": "bob"}}
        first, again = (self.approve(reviewer, mail, "k-1", **edit) for _ in range(2))
        assert (again.status_code, again.json()) == (200, first.json())
        assert first.json()["revision"] == 2

    def test_an_approval_that_was_taken_back_is_not_said_again(self, mail: Any, reviewer: Program) -> None:
        self.approve(reviewer, mail, "k-1")
        reviewer.post(f"tickets/{mail['id']}/recall")
        again = self.approve(reviewer, mail, "k-1")
        assert (again.status_code, again.json()["state"]) == (200, "pending")
        assert self.approve(reviewer, mail, "k-2").json()["state"] == "approved"

    def test_without_a_key_it_says_that_it_knows_of_the_recall(self, mail: Any, reviewer: Program) -> None:
        self.approve(reviewer, mail)
        reviewer.post(f"tickets/{mail['id']}/recall")
        refused = self.approve(reviewer, mail)
        assert code_of(refused) == (409, "stale_digest")
        assert refused.json()["detail"] == "You took your approval back; look at it again before you repeat it."
        assert Ticket.objects.get().state == "pending"
        assert self.approve(reviewer, mail, taken_back=refused.json()["taken_back"]).json()["state"] == "approved"

    def test_a_key_says_nothing_else(self, mail: Any, agent: Program, reviewer: Program) -> None:
        self.approve(reviewer, mail, "k-1")
        others = (
            self.approve(reviewer, mail, "k-1", message="Fine."),
            self.approve(reviewer, agent.ask().json(), "k-1"),
            reviewer.post(f"tickets/{mail['id']}/recall", **{"Idempotency-Key": "k-1"}),
        )
        assert [code_of(other) for other in others] == [(422, "key_reused")] * 3
        assert Decision.objects.count() == 1

    def test_somebody_elses_key_is_another(self, agent: Program, transfers: Any, alice: Any, carol: Any) -> None:
        ticket = agent.ask().json()
        states = [self.approve(Program(each, "decide"), ticket, "k-1").json()["state"] for each in (alice, carol)]
        assert states == ["pending", "approved"]

    def test_what_was_refused_may_be_tried_again_under_its_key(self, mail: Any, reviewer: Program, alice: Any) -> None:
        groups = list(alice.groups.all())
        alice.groups.clear()
        assert self.approve(reviewer, mail, "k-1").status_code == 404
        Ticket.objects.filter(pk=mail["id"]).update(requester=alice)  # may look now, and not decide
        assert self.approve(reviewer, mail, "k-1").status_code == 403
        assert not KeyedRequest.objects.exists()
        Ticket.objects.filter(pk=mail["id"]).update(requester=None)
        alice.groups.set(groups)
        assert self.approve(reviewer, mail, "k-1").json()["state"] == "approved"

    def test_a_recall_takes_no_later_approval_back(self, mail: Any, reviewer: Program, bob: Any) -> None:
        self.approve(reviewer, mail)
        recall = [f"tickets/{mail['id']}/recall", None]
        assert reviewer.post(*recall, **{"Idempotency-Key": "r-1"}).json()["state"] == "pending"
        self.approve(Program(bob, "decide"), mail)
        again = reviewer.post(*recall, **{"Idempotency-Key": "r-1"})
        assert (again.status_code, again.json()["state"]) == (200, "approved")
        assert AuditEntry.objects.filter(type="ticket.recalled").count() == 1
