"""Frameworks as they are installed elsewhere, with models that are scripts, against a served Countersign.

`COUNTERSIGN_ADAPTERS=on uv run pytest tests/remote/adapters/test_elsewhere.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.remote.adapters.environments import Environments, wanted
from tests.remote.conftest import asked_for

pytestmark = [pytest.mark.django_db(transaction=True), wanted]


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: Any) -> Environments:
    return Environments(tmp_path_factory.mktemp("environments"))


TOLD_BOB = {"sent": ["bob"], "heard": "sent to bob"}


@pytest.mark.parametrize("framework", ["openai-agents", "humanlayer"])
def test_an_approved_call_runs(framework: str, countersign: Any, alice: Any, elsewhere: Environments) -> None:
    program = f"{framework.replace('-', '_')}_program.py"
    with elsewhere.running(program, extra=framework, client=countersign) as agent:
        ticket = factories.decide(asked_for(), alice)
        assert agent.said() == TOLD_BOB
    ticket.refresh_from_db()
    assert (ticket.action, ticket.args) == ("send_email", {"to": "bob"})
    # HumanLayer has no word for what became of a call.
    assert ticket.execution == {"openai-agents": "succeeded", "humanlayer": "started"}[framework]


@pytest.mark.parametrize("framework", ["openai-agents", "humanlayer"])
def test_a_rejected_call_does_not_run_and_the_agent_reads_why(
    framework: str, countersign: Any, alice: Any, elsewhere: Environments
) -> None:
    program = f"{framework.replace('-', '_')}_program.py"
    with elsewhere.running(program, extra=framework, client=countersign) as agent:
        ticket = factories.decide(asked_for(), alice, "reject", message="Bob is away")
        said = agent.said()
    assert ticket.allowed_decisions == ["approve", "reject"]
    assert said["sent"] == [] and "is rejected" in said["heard"]


@pytest.mark.parametrize(
    ("word", "more", "sent", "heard"),
    [
        ("approve", {}, ["bob"], "sent to bob"),
        ("edit", {"args": {"to": "carol"}}, ["carol"], "sent to carol"),
        ("reject", {"message": "no"}, [], "is rejected"),
    ],
)
def test_a_tool_of_a_crew_runs_as_people_decided(
    countersign: Any, alice: Any, elsewhere: Environments, word: str, more: Any, sent: list[str], heard: str
) -> None:
    with elsewhere.running("crewai_program.py", "tool", extra="crewai", client=countersign) as crew:
        ticket = factories.decide(asked_for(), alice, word, **more)
        said = crew.said()
    ticket.refresh_from_db()
    assert said["sent"] == sent and heard in said["heard"]
    assert ticket.execution == ("succeeded" if sent else "not_started")


@pytest.mark.parametrize(
    ("word", "more", "heard"),
    [
        ("approve", {}, "Dear Bob"),
        ("edit", {"args": {"output": "Dear Bob, hello"}}, "Dear Bob, hello"),
        ("reject", {"message": "no"}, "is rejected"),
    ],
)
def test_the_output_of_a_task_is_used_as_people_decided(
    countersign: Any, alice: Any, elsewhere: Environments, word: str, more: Any, heard: str
) -> None:
    with elsewhere.running("crewai_program.py", "callback", extra="crewai", client=countersign) as crew:
        ticket = factories.decide(asked_for(), alice, word, **more)
        said = crew.said()
    assert ticket.revisions.first().args == {"output": "Dear Bob"}
    assert heard in said["heard"]
