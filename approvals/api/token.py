"""The token itself: whether it lives, and what it may."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel

from approvals.api.access import READ
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import reply
from approvals.models import Token

router = Router(tags=["token"])


class TokenOut(BaseModel):
    """The token that was sent; never its secret."""

    owner: str
    scope: str
    expires_at: datetime


@router.get("", auth=READ, response={200: TokenOut, **PROBLEMS})
def show(request: HttpRequest) -> HttpResponse:
    """Whose token this is, what it may, and until when: 401 where it does not live."""
    bearer: Any = request
    token: Token = bearer.auth
    return reply(TokenOut(owner=token.user.get_username(), scope=token.scope, expires_at=token.expires_at))
