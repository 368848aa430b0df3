"""Every operation, by every kind of caller. The operations come from the description itself: a new one has to be told
here who may call it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approvals import tokens
from approvals.models import Token
from tests import factories
from tests.api.programs import Program, code_of

#: Operation: the scope that it takes, and a body that it reads.
OPERATIONS: dict[tuple[str, str], tuple[str, Any]] = {
    ("GET", "tickets"): ("read", None),
    ("POST", "tickets"): ("request", {"action": "transfer_money", "args": {"amount": 1}}),
    ("GET", "tickets/{ticket_id}"): ("read", None),
    ("POST", "tickets/{ticket_id}/claim"): ("request", {"claim": "x"}),
    ("POST", "tickets/{ticket_id}/outcome"): ("request", {"state": "succeeded"}),
    ("POST", "tickets/{ticket_id}/decisions"): ("decide", {"type": "approve", "digest": "x"}),
    ("POST", "tickets/{ticket_id}/recall"): ("decide", None),
    ("GET", "graphs"): ("read", None),
    ("POST", "runs"): ("request", {"graph": "operations", "message": "search for cats"}),
    ("GET", "runs/{thread_id}"): ("read", None),
    ("POST", "runs/{thread_id}/cancel"): ("request", None),
    ("POST", "runs/{thread_id}/repair"): ("request", None),
    ("POST", "runs/{thread_id}/retry"): ("request", None),
    ("GET", "audit"): ("read", None),
    ("GET", "insights"): ("read", None),
    ("GET", "token"): ("read", None),
}
EVERY = [pytest.param(*operation, *told, id=" ".join(operation)) for operation, told in OPERATIONS.items()]


@pytest.fixture
def place(agent: Program, transfers: Any) -> dict[str, Any]:
    """What the addresses are filled with: things of Dave's."""
    run = agent.post("runs", {"graph": "operations", "message": "transfer 250 to bob"}).json()
    return {"ticket_id": agent.ask().json()["id"], "thread_id": run["thread_id"]}


def call(program: Program, method: str, path: str, body: Any, place: dict[str, Any]) -> Any:
    path = path.format(**place)
    return program.get(path) if method == "GET" else program.post(path, body)


def test_every_operation_is_in_the_table(client: Any, db: None) -> None:
    told = client.get("/api/v1/openapi.json").json()["paths"]
    found = {(method.upper(), path.removeprefix("/api/v1/")) for path, methods in told.items() for method in methods}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path", "scope", "body"), EVERY)
def test_no_token_that_is_not_live_opens_it(
    method: str, path: str, scope: str, body: Any, place: dict[str, Any], dave: Any
) -> None:
    none, bad, expired, revoked = (Program(dave, scope) for _ in range(4))
    del none.client.defaults["HTTP_AUTHORIZATION"]
    bad.client.defaults["HTTP_AUTHORIZATION"] += "x"
    ago = timezone.now() - timedelta(days=1)
    with factories.unguarded():
        Token.objects.filter(pk=expired.token.pk).update(created_at=ago - timedelta(days=1), expires_at=ago)
    tokens.revoke(revoked.token.pk, actor=dave)
    answers = [code_of(call(program, method, path, body, place)) for program in (none, bad, expired, revoked)]
    assert answers == [(401, "invalid_token")] * 4


@pytest.mark.parametrize(("method", "path", "scope", "body"), EVERY)
def test_a_token_of_another_scope_only_reads(
    method: str, path: str, scope: str, body: Any, place: dict[str, Any], dave: Any
) -> None:
    for other in {"read", "request", "decide"} - {scope}:
        answer = call(Program(dave, other), method, path, body, place)
        if scope == "read":
            assert answer.status_code == 200
        else:
            assert code_of(answer) == (403, "insufficient_scope")


@pytest.mark.parametrize(("method", "path", "scope", "body"), EVERY)
def test_a_stranger_finds_nothing_of_it(
    method: str, path: str, scope: str, body: Any, place: dict[str, Any], frank: Any
) -> None:
    answer = call(Program(frank, scope), method, path, body, place)
    if "{" in path:
        assert code_of(answer)[0] == 404
    elif method == "GET" and path not in {"graphs", "token"}:
        assert answer.json()["items"] == []


@pytest.mark.parametrize(("method", "path", "scope", "body"), EVERY)
def test_the_right_token_gets_past_the_door(
    method: str, path: str, scope: str, body: Any, place: dict[str, Any], dave: Any
) -> None:
    """What the rules of a ticket say then is told elsewhere."""
    assert call(Program(dave, scope), method, path, body, place).status_code in {200, 201, 202, 403, 409}
    if scope != "decide":
        assert call(Program(dave, scope), method, path, body, place).status_code != 403
