"""A program with a token, and what it is told."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from approvals import tokens
from approvals.states import Scope

PREFIX = "/api/v1/"


class Program:
    """Whoever holds this token, asking and reading the answers."""

    def __init__(self, user: User, scope: str) -> None:
        self.token, self.secret = tokens.create(user, scope=Scope(scope), actor=user)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        """One GET."""
        return self.client.get(PREFIX + path, query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """One POST of JSON, or of nothing."""
        given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.post(PREFIX + path, **given, headers=headers)

    def ask(self, key: str | None = None, **fields: Any) -> Any:
        """Open a ticket."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(
            "tickets", {"action": "transfer_money", "args": {"amount": 250, "to": "bob"}} | fields, **headers
        )

    def decide(self, ticket: int, type: str = "approve", *, key: str | None = None, **fields: Any) -> Any:
        """Decide on what the ticket shows now."""
        digest = self.get(f"tickets/{ticket}").json()["digest"]
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(f"tickets/{ticket}/decisions", {"type": type, "digest": digest} | fields, **headers)


def code_of(response: Any) -> tuple[int, str]:
    """Status and code of a refusal, which is a problem and nothing else."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    told = response.json()
    assert told["status"] == response.status_code
    assert told["detail"]
    return response.status_code, told["code"]
