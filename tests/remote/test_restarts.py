"""The server goes away while an agent waits; the agent goes away between taking the answer and its report.

The agent is the one of seed 002: a plain loop over a provider's client, with `requires_approval` and `dispatch_tool`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anthropic
import pytest

from agents.remote.client import Countersign, Rejected, require_approval
from approvals.models import Ticket
from tests import daphne, factories
from tests.remote.conftest import Asking, asked_for
from tests.stubs import providers

pytestmark = pytest.mark.django_db(transaction=True)

RISKY = {"send_email", "delete_record", "execute_payment", "transfer_money"}


def requires_approval(action: str, args: dict[str, Any]) -> bool:
    return action in RISKY


def dispatch_tool(action: str, args: dict[str, Any]) -> str:
    return f"Completed: {action} of {args['amount']}"


def execute_with_hitl(countersign: Countersign, action: str, args: dict[str, Any]) -> str:
    if not requires_approval(action, args):
        return dispatch_tool(action, args)
    guarded = require_approval(action=action, client=countersign)(_tool(action))
    try:
        return str(guarded(**args))
    except Rejected:
        return f"Action '{action}' rejected by user."


def _tool(action: str) -> Any:
    def tool(**args: Any) -> str:
        return dispatch_tool(action, args)

    return tool


def talk(countersign: Countersign, provider: str) -> list[dict[str, Any]]:
    """The loop, until the model has nothing more to do."""
    model = anthropic.Anthropic(base_url=provider, api_key="stub", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "Pay bob 250."}]
    while True:
        turn = model.messages.create(model="stub", max_tokens=100, messages=messages)
        messages.append({"role": "assistant", "content": [block.model_dump() for block in turn.content]})
        uses = [block for block in turn.content if block.type == "tool_use"]
        if not uses:
            return messages
        results = [
            {
                "type": "tool_result",
                "tool_use_id": use.id,
                "content": execute_with_hitl(countersign, use.name, dict(use.input)),
            }
            for use in uses
        ]
        messages.append({"role": "user", "content": results})


def test_an_edit_that_was_made_while_the_server_was_away_is_what_runs(
    test_database: str, secret: str, transfers: Any, alice: Any, carol: Any
) -> None:
    port = daphne.free_port()
    countersign = Countersign(f"http://127.0.0.1:{port}", secret)
    with providers.provider() as model:
        with daphne.serving(port=port, DATABASE_URL=test_database):
            asking = Asking(talk, countersign, model.url)
            ticket = asked_for()
        factories.decide(ticket, alice, "edit", args={"amount": 100, "to": "bob"})
        factories.decide(ticket, carol)
        with daphne.serving(port=port, DATABASE_URL=test_database):
            said = asking.ended()
    assert said[2]["content"][0]["content"] == "Completed: transfer_money of 100"
    assert said[-1]["content"][0]["text"] == providers.CLOSING
    ticket.refresh_from_db()
    assert (ticket.execution, ticket.result) == ("succeeded", "Completed: transfer_money of 100")


AGENT = """
import os, signal, sys
from agents.remote.client import InDoubt, require_approval

@require_approval(action="send_email", grace=0.5)
def send(to):
    with open(sys.argv[1], "a") as effects:
        effects.write(to + "\\n")
    os.kill(os.getpid(), signal.SIGKILL)

try:
    send("bob")
except InDoubt as doubt:
    print(doubt)
"""


def test_an_agent_that_dies_after_it_acted_does_not_act_again(
    test_database: str, secret: str, mail: Any, alice: Any, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    with daphne.serving(DATABASE_URL=test_database) as address:
        lives = {"COUNTERSIGN_URL": address, "COUNTERSIGN_TOKEN": secret}
        command = [sys.executable, "-c", AGENT, str(effects)]
        first = subprocess.Popen(command, env={**os.environ, **lives}, cwd=daphne.ROOT)
        factories.decide(asked_for(), alice)
        assert first.wait(60) == -9
        second = subprocess.run(command, env={**os.environ, **lives}, cwd=daphne.ROOT, capture_output=True, timeout=60)
    assert b"Nobody knows what became of ticket" in second.stdout, second.stderr
    assert effects.read_text() == "bob\n"
    assert Ticket.objects.get().execution == "unknown"


WAITING = """
import asyncio, sys
from agents.remote.client import require_approval

def send(to):
    with open(sys.argv[1], "a") as effects:
        effects.write(to + "\\n")

async def send_later(to):
    send(to)

if sys.argv[2] == "async":
    asyncio.run(require_approval(action="send_email")(send_later)(to="bob"))
else:
    require_approval(action="send_email")(send)(to="bob")
"""


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_agent_that_dies_while_it_waits_goes_on_waiting_in_its_next_life(
    test_database: str, secret: str, mail: Any, alice: Any, tmp_path: Path, colour: str
) -> None:
    effects = tmp_path / "effects"
    with daphne.serving(DATABASE_URL=test_database) as address:
        lives = {**os.environ, "COUNTERSIGN_URL": address, "COUNTERSIGN_TOKEN": secret}
        command = [sys.executable, "-c", WAITING, str(effects), colour]
        first = subprocess.Popen(command, env=lives, cwd=daphne.ROOT)
        ticket = asked_for()
        first.kill()
        first.wait(60)
        second = subprocess.Popen(command, env=lives, cwd=daphne.ROOT)
        factories.decide(ticket, alice)
        assert second.wait(60) == 0
        subprocess.run(command, env=lives, cwd=daphne.ROOT, check=True, timeout=60)
    assert effects.read_text() == "bob\n"
    assert Ticket.objects.get().execution == "succeeded"
