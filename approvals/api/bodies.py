"""Reading what a program sends: JSON, and nothing that only some readers of JSON take."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from approvals import digests
from approvals.errors import ApprovalError, InvalidArguments, TooLarge

MOST_BYTES = 1024 * 1024


class NotJSON(ApprovalError):
    """Send JSON, as “Content-Type: application/json”."""

    code, status = "unsupported_media_type", 415


class Malformed(ApprovalError):
    """The body is not JSON: {why}."""

    code, status = "malformed", 400


class StrictJSON(Parser):
    """Raises NotJSON, TooLarge or Malformed; a key that comes twice would be read in two ways in two places."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The value that was sent."""
        if request.content_type != "application/json":
            raise NotJSON
        body = request.body
        if len(body) > MOST_BYTES:  # it came in pieces, so nothing told its length before
            raise TooLarge("The request is too large: at most 1 MiB.")
        try:
            return json.loads(body, parse_constant=_refuse, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise Malformed(why=str(error) or type(error).__name__) from error


def digest_of(said: Any) -> str:
    """Stands for a request as it was sent. Raises InvalidArguments for what has no canonical form."""
    try:
        return digests.of_json(said)
    except digests.NotCanonical as error:
        raise InvalidArguments([{"path": "", "message": str(error)}]) from error


def _refuse(word: str) -> Any:
    raise ValueError(f"it has no {word}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice in one object")
    return found
