"""An agent elsewhere: it asks, lists, takes the answer and says what became of it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.handlers.asgi import ASGIRequest

from approvals import restores
from approvals.api import bodies
from approvals.errors import TooLarge
from approvals.models import Cluster, RemoteRequest, Ticket
from tests import factories
from tests.api.programs import Program, code_of
from tests.statements import counted


@pytest.fixture
def asked(agent: Program, transfers: Any) -> int:
    """A transfer that Dave's agent asks for."""
    return int(agent.ask().json()["id"])


def approved(ticket: int, *people: Any) -> int:
    for person in people:
        assert Program(person, "decide").decide(ticket).status_code == 200
    return ticket


class TestAsking:
    def test_it_opens_a_ticket_under_its_policy(self, agent: Program, transfers: Any) -> None:
        response = agent.ask(description="Rent", confidence=0.7, best_guess={"amount": 1})
        told = response.json()
        assert response.status_code == 201
        assert (told["state"], told["risk"], told["requester"], told["revision"]) == ("pending", "high", "dave", 1)
        assert told["policy"] == {"name": "Transfers", "version": 1}
        assert told["requirements"] == [
            {"group": "finance", "needed": 1, "given": 0},
            {"group": "reviewers", "needed": 1, "given": 0},
        ]

    def test_evidence_and_the_case_for_and_against_come_back_as_they_were_sent(
        self, agent: Program, transfers: Any
    ) -> None:
        said = {"evidence": [{"title": "Invoice", "text": "250", "source": "https://x.example"}], "case_for": "Due."}
        told = agent.ask(**said).json()
        assert (told["evidence"], told["case_for"], told["case_against"]) == (said["evidence"], "Due.", "")
        assert agent.ask("k-odd", evidence=["no object"]).status_code == 422

    def test_the_same_key_is_the_same_ticket(self, agent: Program, transfers: Any) -> None:
        first, second = agent.ask("k-1"), agent.ask("k-1")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()

    def test_the_same_key_with_another_body_is_refused(self, agent: Program, transfers: Any) -> None:
        agent.ask("k-1")
        assert code_of(agent.ask("k-1", args={"amount": 9, "to": "bob"})) == (422, "key_reused")
        assert Ticket.objects.count() == 1

    def test_true_is_another_body_than_1(self, agent: Program, transfers: Any) -> None:
        agent.ask("k-1", args={"amount": 1})
        assert agent.ask("k-1", args={"amount": True}).status_code == 422

    def test_somebody_elses_key_is_another(self, agent: Program, alice: Any, transfers: Any) -> None:
        assert agent.ask("k-1").json()["id"] != Program(alice, "request").ask("k-1").json()["id"]

    def test_a_new_token_of_the_same_person_finds_the_ticket(self, agent: Program, dave: Any, transfers: Any) -> None:
        assert agent.ask("k-1").json()["id"] == Program(dave, "request").ask("k-1").json()["id"]

    def test_it_names_no_graph_of_its_own(self, agent: Program, transfers: Any) -> None:
        assert code_of(agent.ask(graph="operations")) == (422, "invalid_args")
        assert agent.ask().json()["graph"] == "remote"

    def test_its_thread_is_nobody_elses(self, agent: Program, alice: Any, transfers: Any) -> None:
        threads = {program.ask(thread_id="t").json()["thread_id"] for program in (agent, Program(alice, "request"))}
        assert len(threads) == 2
        assert all(thread.startswith("remote/") for thread in threads)

    def test_asking_again_in_one_thread_is_shown_as_that(self, agent: Program, alice: Any, transfers: Any) -> None:
        first = agent.ask(thread_id="t").json()["id"]
        Program(alice, "decide").decide(first, "reject")
        assert Ticket.objects.get(pk=agent.ask(thread_id="t").json()["id"]).follows_id == first

    def test_an_auto_gate_answers_at_once(self, agent: Program) -> None:
        factories.make_policy("Reads", action="search", risk="low", gate="auto")
        told = agent.ask(action="search", args={"q": "x"}).json()
        assert (told["state"], told["outcome"]) == ("approved", "auto_approved")

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"action": ""}, "/action"),
            ({"action": "x" * 201}, "/action"),
            ({"args": [1]}, "/args"),
            ({"confidence": 2}, "/confidence"),
            ({"allowed_decisions": ["sign"]}, "/allowed_decisions/0"),
            ({"args": {"text": "\x00"}}, ""),
            ({"args": {"number": 2**60}}, ""),
        ],
    )
    def test_a_wrong_value_is_named_and_opens_nothing(self, agent: Program, body: Any, path: str) -> None:
        refused = agent.ask(**body)
        assert code_of(refused) == (422, "invalid_args")
        assert [error["path"] for error in refused.json()["errors"]] == [path]
        assert not Ticket.objects.exists()

    def test_what_comes_in_pieces_without_a_length_is_too_large_too(self) -> None:
        scope = {"method": "POST", "path": "/", "headers": [(b"content-type", b"application/json")]}
        request = ASGIRequest(scope, BytesIO(b"?" * (bodies.MOST_BYTES + 1)))
        with pytest.raises(TooLarge):
            bodies.StrictJSON().parse_body(request)

    def test_a_wrong_value_of_the_address_is_named_after_where_it_stands(self, agent: Program) -> None:
        refused = agent.get("tickets", limit="many")
        assert code_of(refused) == (422, "invalid_args")
        assert [error["path"] for error in refused.json()["errors"]] == ["/query/limit"]

    def test_arguments_nobody_could_read_are_too_large(self, agent: Program) -> None:
        assert code_of(agent.ask(args={"text": "x" * 300_000})) == (413, "too_large")
        assert code_of(agent.ask(args={}, description="x" * 1_100_000)) == (413, "too_large")

    def test_nobody_floods_the_people_who_decide(self, agent: Program, transfers: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("approvals.remote.MOST_OPEN", 2)
        assert [agent.ask().status_code for _ in range(3)] == [201, 201, 429]


class TestReading:
    def test_others_do_not_find_it(self, asked: int, frank: Any) -> None:
        assert code_of(Program(frank, "read").get(f"tickets/{asked}")) == (404, "not_found")
        assert Program(frank, "read").get("tickets").json()["items"] == []

    def test_a_list_asks_as_many_questions_for_many_as_for_one(self, agent: Program, alice: Any) -> None:
        factories.make_policy("Blind", action="transfer_money", blind=True, requirements={"reviewers": 1})
        reads = Program(alice, "read")
        agent.ask()
        reads.get("tickets")
        with counted() as few:
            reads.get("tickets")
        for _ in range(4):
            agent.ask()
        with counted() as many:
            assert len(reads.get("tickets").json()["items"]) == 5
        assert len(many) == len(few)

    def test_pages_hold_every_ticket_once_most_urgent_first(self, agent: Program, alice: Any, carol: Any) -> None:
        factories.make_policy("Soon", action="soon", deadline_seconds=60, requirements={"reviewers": 1})
        factories.make_policy("Never", action="never", deadline_seconds=None, requirements={"reviewers": 1})
        ids = {
            name: [agent.ask(action=name, args={}).json()["id"] for _ in range(2)] for name in ("never", "done", "soon")
        }
        reviewer = Program(alice, "decide")
        for ticket in ids["done"]:
            reviewer.decide(ticket, "reject")
        assert _all(reviewer, limit=1) == ids["soon"] + ids["never"] + ids["done"][::-1]

    def test_a_list_is_narrowed(self, agent: Program, alice: Any, transfers: Any) -> None:
        first = agent.ask().json()["id"]
        other = agent.ask(action="send_email", args={}, thread_id="mine").json()
        Program(alice, "decide").decide(first, "reject")
        assert _all(agent, state="pending") == [other["id"]]
        assert _all(agent, state="rejected") == [first]
        assert _all(agent, action="send_email") == [other["id"]]
        assert _all(agent, thread_id=other["thread_id"]) == [other["id"]]
        assert _all(agent, graph="operations") == []

    def test_mine_is_what_waits_for_me_or_was_asked_by_me(self, agent: Program, alice: Any, transfers: Any) -> None:
        asked = agent.ask().json()["id"]
        alice.groups.add(Group.objects.get(name="finance"))
        assert _all(agent, mine="true") == [asked]
        assert _all(Program(alice, "decide"), mine="true") == [asked]
        Program(alice, "decide").decide(asked)
        assert _all(Program(alice, "decide"), mine="true") == []

    @pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "WzEsMiwzLDQsNV0", "éé"])
    def test_a_cursor_that_is_not_ours_is_refused(self, agent: Program, cursor: str) -> None:
        assert code_of(agent.get("tickets", cursor=cursor)) == (422, "invalid_args")

    def test_who_has_not_spoken_sees_how_many_have_and_not_who(self, agent: Program, alice: Any, bob: Any) -> None:
        factories.make_policy("Blind", action="transfer_money", blind=True, requirements={"reviewers": 2})
        ticket = agent.ask().json()["id"]
        Program(alice, "decide").decide(ticket, message="Fine by me.")
        [word] = Program(bob, "decide").get(f"tickets/{ticket}").json()["decisions"]
        assert (word["reviewer"], word["type"], word["message"], word["counts"]) == (None, None, None, True)


def _all(program: Program, **query: Any) -> list[int]:
    """The ids of all pages."""
    found: list[int] = []
    page = program.get("tickets", **query).json()
    while True:
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        page = program.get("tickets", **query, cursor=page["next"]).json()


class TestClaiming:
    def test_the_answer_is_given_once(self, agent: Program, asked: int, alice: Any, carol: Any) -> None:
        approved(asked, alice, carol)
        taken = agent.post(f"tickets/{asked}/claim", {"claim": "first"})
        assert (taken.status_code, taken.json()["effect"]["state"]) == (200, "started")
        assert code_of(agent.post(f"tickets/{asked}/claim", {"claim": "second"})) == (409, "already_claimed")

    def test_under_the_same_name_it_is_given_again(self, agent: Program, asked: int, alice: Any, carol: Any) -> None:
        approved(asked, alice, carol)
        answers = [agent.post(f"tickets/{asked}/claim", {"claim": "first"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]

    def test_nothing_is_given_while_people_are_asked(self, agent: Program, asked: int) -> None:
        assert code_of(agent.post(f"tickets/{asked}/claim", {"claim": "x"})) == (409, "not_released")

    def test_nothing_is_given_while_it_can_be_taken_back(self, agent: Program, alice: Any) -> None:
        factories.make_policy(action="transfer_money", recall_seconds=60, requirements={"reviewers": 1})
        ticket = approved(agent.ask().json()["id"], alice)
        refused = agent.post(f"tickets/{ticket}/claim", {"claim": "x"})
        assert code_of(refused) == (409, "not_released")
        assert 50 <= int(refused.headers["Retry-After"]) <= 60

    def test_who_signed_and_left_has_signed_for_nothing(
        self, agent: Program, asked: int, alice: Any, carol: Any
    ) -> None:
        approved(asked, alice, carol)
        alice.groups.clear()
        assert code_of(agent.post(f"tickets/{asked}/claim", {"claim": "x"})) == (409, "not_released")
        assert agent.get(f"tickets/{asked}").json()["state"] == "pending"

    def test_a_database_that_nobody_has_looked_at_gives_none(
        self, agent: Program, asked: int, alice: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        approved(asked, alice, carol)
        Cluster.objects.create(pk=1, identifier="another", timeline="00000001")
        monkeypatch.setattr(restores, "_life", "")
        refused = agent.post(f"tickets/{asked}/claim", {"claim": "x"})
        assert code_of(refused) == (409, "not_released")
        assert (
            refused.json()["detail"]
            == "Nothing may run on this ticket now: everything is frozen until an operator clears it."
        )

    def test_only_whoever_asked_may_take_it(self, asked: int, alice: Any, carol: Any) -> None:
        approved(asked, alice, carol)
        refused = Program(alice, "request").post(f"tickets/{asked}/claim", {"claim": "x"})
        assert code_of(refused) == (409, "not_remote")
        assert RemoteRequest.objects.get().claim == ""

    def test_what_a_graph_of_ours_asked_for_is_a_workers(self, dave: Any, transfers: Any) -> None:
        ticket = factories.open_ticket(requester=dave)
        refused = Program(dave, "request").post(f"tickets/{ticket.pk}/claim", {"claim": "x"})
        assert code_of(refused) == (409, "not_remote")


class TestReporting:
    def test_what_became_of_it_is_written_once(self, agent: Program, asked: int, alice: Any, carol: Any) -> None:
        approved(asked, alice, carol)
        agent.post(f"tickets/{asked}/claim", {"claim": "x"})
        told = agent.post(f"tickets/{asked}/outcome", {"state": "succeeded", "result": {"receipt": 7}})
        assert told.json()["effect"] == {"state": "succeeded", "result": {"receipt": 7}, "error": None}
        again = agent.post(f"tickets/{asked}/outcome", {"state": "failed", "error": "no"})
        assert code_of(again) == (409, "already_reported")

    def test_without_a_claim_the_report_takes_the_answer(
        self, agent: Program, asked: int, alice: Any, carol: Any
    ) -> None:
        approved(asked, alice, carol)
        assert agent.post(f"tickets/{asked}/outcome", {"state": "succeeded"}).status_code == 200
        assert code_of(agent.post(f"tickets/{asked}/claim", {"claim": "x"})) == (409, "already_claimed")

    def test_a_final_word_may_follow_a_doubt(self, agent: Program, asked: int, alice: Any, carol: Any) -> None:
        approved(asked, alice, carol)
        states = [
            agent.post(f"tickets/{asked}/outcome", {"state": state}).status_code
            for state in ("unknown", "unknown", "succeeded")
        ]
        assert states == [200, 409, 200]

    @pytest.mark.parametrize("word", ["", "reject"])
    def test_nothing_became_of_what_nobody_approved(self, agent: Program, asked: int, alice: Any, word: str) -> None:
        if word:
            Program(alice, "decide").decide(asked, word)
        assert code_of(agent.post(f"tickets/{asked}/outcome", {"state": "succeeded"})) == (409, "not_released")
        assert agent.get(f"tickets/{asked}").json()["effect"] is None
