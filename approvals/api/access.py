"""Who is asking, and whether this token may."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import HttpBearer

from approvals import tokens
from approvals.api import bodies, waiting
from approvals.errors import ScopeMissing, TooLarge
from approvals.models import Token
from approvals.states import Scope


class BearerToken(HttpBearer):
    """A live token, within its rate, with the scope; every token may read."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        super().__init__()

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        """The token. Raises InvalidToken, RateLimited, ScopeMissing or TooLarge."""
        found = tokens.find(token)
        if not waiting.is_looking_again(request):
            tokens.count(found)
        if self.scope not in {Scope.READ, found.scope}:
            raise ScopeMissing(scope=self.scope.value)
        if int(request.headers.get("Content-Length") or 0) > bodies.MOST_BYTES:
            raise TooLarge("The request is too large: at most 1 MiB.")
        return found


READ, REQUEST, DECIDE = map(BearerToken, (Scope.READ, Scope.REQUEST, Scope.DECIDE))


def is_agent(request: HttpRequest) -> bool:
    """Is it the token of a program that asks, and runs what it is allowed?"""
    bearer: Any = request
    return bool(bearer.auth.scope == Scope.REQUEST)


def reader(request: HttpRequest) -> User:
    """Whose token it is."""
    bearer: Any = request
    user: User = bearer.auth.user
    return user
