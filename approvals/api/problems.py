"""Every refusal as RFC 9457 `application/problem+json` with a code that does not change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Protocol

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel, ConfigDict

from approvals import masks
from approvals.errors import ApprovalError, InvalidArguments, InvalidToken, TicketNotFound

CONTENT_TYPE = "application/problem+json"
#: What programs are told where no rule of ours speaks.
CODES = {
    400: ("malformed", "This request cannot be read; nothing was changed."),
    401: ("invalid_token", str(InvalidToken())),
    403: ("forbidden", "You may not do this; nothing was changed."),
    404: ("not_found", "There is no such thing, or you may not see it."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large; nothing was changed."),
    415: ("unsupported_media_type", "Send JSON, as “Content-Type: application/json”."),
    500: ("server_error", "Something went wrong here, and it has been logged."),
    503: ("database_away", "Countersign cannot reach its database just now; try again in a few seconds."),
}


class Problem(BaseModel):
    """RFC 9457, with a code that does not change; some codes bring facts of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


#: For the description of every operation.
PROBLEMS: dict[Any, Any] = {frozenset({400, 401, 403, 404, 409, 413, 415, 422, 429}): Problem}

#: Where in a request a wrong value was; in the body it is said by its place alone.
IN_BODY = "body"


class Refusal(Protocol):
    """What a refusal of ours knows."""

    code: ClassVar[str]
    status: ClassVar[int]
    facts: dict[str, Any]


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The response. `facts` stand beside the members that the RFC names, which win."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    response = HttpResponse(json.dumps({**(facts or {}), **told}), status=status, content_type=CONTENT_TYPE)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def of_status(status: int, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The response where nothing but the status is known."""
    code, detail = CODES.get(status, ("refused", HTTPStatus(status).phrase))
    return problem(status, code, detail, headers=headers)


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The response to a refusal of ours, with the facts that a program can use."""
    facts = {name: value for name, value in refusal.facts.items() if isinstance(value, str | int | list)}
    return problem(refusal.status, refusal.code, str(refusal), headers=_headers(refusal), facts=facts)


def install(api: NinjaAPI, *refusals: type[Exception]) -> None:
    """Answer everything that an operation raises, these refusals too; the rest is Django's and becomes a 500."""
    handlers: dict[type[Exception], Any] = {
        **dict.fromkeys(refusals, of_refusal),
        ApprovalError: of_refusal,
        ValidationError: _invalid,
        AuthenticationError: lambda request, _: of_refusal(request, InvalidToken()),
        HttpError: _http_error,
        Http404: lambda request, _: of_refusal(request, TicketNotFound()),
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _headers(refusal: Refusal) -> dict[str, str]:
    headers = {}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "scope" in refusal.facts:
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{refusal.facts["scope"]}"'
    if "retry_after" in refusal.facts:
        headers["Retry-After"] = str(refusal.facts["retry_after"])
    return headers


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What ninja says itself; it wraps what reading the body raised."""
    if isinstance(error.__cause__, ApprovalError):
        return of_refusal(request, error.__cause__)
    return of_status(error.status_code)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return of_refusal(request, InvalidArguments(list(_complaints(error.errors))))


def _complaints(errors: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    for error in errors:
        yield {"path": _pointer(error["loc"]), "message": error["msg"]}


def _pointer(place: Sequence[Any]) -> str:
    """Where in the body, as a JSON pointer; elsewhere the source stands first: `/query/limit`."""
    source, *rest = place
    return masks.pointer(rest[1:] if source == IN_BODY else place)
