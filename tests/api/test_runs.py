"""Runs over the API: asked for here, driven by a worker, followed and steered by whoever asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from agents import checkpoints, runner, workers
from agents.errors import ModelRefused
from agents.models import GraphDrawing, Run
from approvals.live import hub
from approvals.models import Ticket
from tests import factories
from tests.api.programs import PREFIX, Program, code_of
from tests.api.test_waiting import elsewhere, server, until

SAID = {"graph": "operations", "message": "transfer 250 to bob"}


def work(thread_id: str) -> None:
    """What a worker does with the job."""
    with workers.enrolled("test"):
        runner.drive_sync(thread_id)


@pytest.fixture
def queued(agent: Program, transfers: Any) -> str:
    """A run that Dave's agent asked for."""
    return str(agent.post("runs", SAID).json()["thread_id"])


def test_a_run_is_queued_for_a_worker(agent: Program) -> None:
    response = agent.post("runs", SAID | {"thread_id": "mine"})
    told = response.json()
    assert response.status_code == 202
    assert (told["thread_id"], told["status"], told["requester"], told["model"]) == (
        "mine",
        "queued",
        "dave",
        "scripted",
    )
    assert told["input"] == {"messages": [{"role": "user", "content": "transfer 250 to bob"}]}


def test_asked_for_twice_it_is_one_run(agent: Program) -> None:
    first, second = (agent.post("runs", SAID | {"thread_id": "mine"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert Run.objects.count() == 1


def test_other_words_do_not_interrupt_a_worker(agent: Program, queued: str) -> None:
    refused = agent.post("runs", {"graph": "operations", "message": "search cats", "thread_id": queued})
    assert code_of(refused) == (409, "wrong_status")


def test_other_words_go_on_with_a_run_that_is_over(agent: Program, queued: str) -> None:
    Run.objects.update(status="succeeded")
    told = agent.post("runs", {"graph": "operations", "message": "search cats", "thread_id": queued}).json()
    assert (told["status"], told["input"]["messages"][0]["content"]) == ("queued", "search cats")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"graph": "nothing", "message": "x"}, (404, "unknown_graph")),
        ({"graph": "operations"}, (422, "bad_input")),
        ({"graph": "operations", "message": " "}, (422, "bad_input")),
        ({"graph": "operations", "message": "x", "input": {}}, (422, "bad_input")),
        ({"graph": "operations", "input": {"words": 1}}, (422, "bad_input")),
        ({"graph": "operations", "input": {"messages": [{"content": "\x00"}]}}, (422, "bad_input")),
        ({"graph": "operations", "message": "x", "thread_id": "a/b"}, (422, "bad_thread_id")),
        ({"graph": "operations", "message": "x", "more": 1}, (422, "invalid_args")),
        ({"graph": "operations", "message": "x", "model": "gpt"}, (422, "model_refused")),
        ({"graph": "operations", "message": "x", "model": "openai:"}, (422, "model_refused")),
        ({"graph": "operations", "message": "x", "model": "openai:a b"}, (422, "model_refused")),
    ],
)
def test_what_cannot_be_run_leaves_no_run(agent: Program, body: Any, refusal: Any) -> None:
    assert code_of(agent.post("runs", body)) == refusal
    assert not Run.objects.exists()


def test_an_empty_message_is_refused_in_one_sentence(agent: Program) -> None:
    said = agent.post("runs", {"graph": "operations", "message": ""}).json()["detail"]
    assert said == "The input cannot be used: the message is empty; say what the agent is to do."


def test_somebody_elses_thread_is_refused(queued: str, alice: Any) -> None:
    refused = Program(alice, "request").post("runs", SAID | {"thread_id": queued})
    assert code_of(refused) == (409, "thread_of_another_person")


def test_a_reviewer_of_its_ticket_sees_where_it_stands_and_not_what_was_said(
    agent: Program, queued: str, alice: Any, frank: Any
) -> None:
    factories.open_ticket(thread_id=queued)
    told = Program(alice, "read").get(f"runs/{queued}").json()
    assert (told["status"], told["input"]) == ("queued", None)
    assert [ticket["id"] for ticket in told["tickets"]] == [Ticket.objects.get().pk]
    assert code_of(Program(frank, "read").get(f"runs/{queued}")) == (404, "not_found")


def test_whoever_asked_cancels_it(agent: Program, queued: str) -> None:
    assert agent.post(f"runs/{queued}/cancel").json()["status"] == "cancelled"
    assert code_of(agent.post(f"runs/{queued}/cancel")) == (409, "wrong_status")
    assert code_of(agent.post(f"runs/{queued}/retry")) == (409, "wrong_status")


def test_a_failed_run_is_tried_again(agent: Program, queued: str) -> None:
    Run.objects.update(status="failed")
    assert agent.post(f"runs/{queued}/retry").json()["status"] == "queued"


def test_nobody_else_steers_it(queued: str, admin: Any, frank: Any) -> None:
    frank.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert code_of(Program(frank, "request").post(f"runs/{queued}/cancel")) == (403, "not_yours")
    assert Program(admin, "request").post(f"runs/{queued}/cancel").status_code == 200


def test_graphs_say_what_they_take(agent: Program) -> None:
    told = {graph["name"]: graph for graph in agent.get("graphs").json()["items"]}
    assert {"operations", "batch", "clarify", "email_draft"} <= set(told)
    assert told["operations"]["input_schema"]["required"] == ["messages"]


def test_a_graph_whose_entry_says_nothing_is_asked_by_a_worker(agent: Program, settings: Any, tmp_path: Any) -> None:
    file = tmp_path / "langgraph.json"
    file.write_text('{"graphs": {"theirs": "./nowhere.py:graph"}}')
    settings.COUNTERSIGN_GRAPHS = [file]
    assert code_of(agent.post("runs", {"graph": "theirs", "message": "x"})) == (422, "takes_no_message")
    GraphDrawing.objects.create(name="theirs", input_schema={"properties": {"messages": {}}})
    assert agent.post("runs", {"graph": "theirs", "message": "x"}).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_a_run_that_cannot_begin_for_want_of_a_key_fails_and_says_so(
    agent: Program, queued: str, monkeypatch: Any
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Run.objects.update(model="openai:gpt-stub")
    checkpoints.setup_sync()
    work(queued)
    told = agent.get(f"runs/{queued}").json()
    assert (told["status"], told["error"]) == (
        "failed",
        "The model openai:gpt-stub needs an API key: set OPENAI_API_KEY.",
    )
    Run.objects.update(status="paused")
    with pytest.raises(ModelRefused):
        work(queued)
    assert Run.objects.get().status == "paused"


@pytest.mark.django_db(transaction=True)
def test_the_answer_comes_when_the_run_pauses(agent: Program, queued: str) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(f"{PREFIX}runs/{queued}?wait=60"))
            await until(lambda: bool(hub.current().waiters))
            await elsewhere(work, queued)
            told = (await poll).json()
            assert (told["status"], [ticket["action"] for ticket in told["tickets"]]) == ("paused", ["transfer_money"])

    checkpoints.setup_sync()
    asyncio.run(scene())
