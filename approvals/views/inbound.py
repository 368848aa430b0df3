"""Where signed messages come in. Nobody signs in here: the signature says who it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from approvals import inbound, plaintext
from approvals.errors import ApprovalError, MalformedMessage, TooLarge
from approvals.inbound import Said
from approvals.notices import words
from approvals.states import Channel

MOST_BYTES = 64 * 1024
MOST_WORDS = 1_000
View = Callable[[HttpRequest], HttpResponse]


def signed(view: View) -> View:
    """Answer a refusal with its code and one sentence."""

    @login_not_required
    @csrf_exempt
    @never_cache
    @require_POST
    @wraps(view)
    def answering(request: HttpRequest) -> HttpResponse:
        try:
            _check_size(request)
            return view(request)
        except ApprovalError as refusal:
            return JsonResponse({"code": refusal.code, "detail": str(refusal)}, status=refusal.status)

    return answering


@signed
def slack(request: HttpRequest) -> HttpResponse:
    """A button of a message in Slack, whose value is “approve 7 DIGEST”: docs.slack.dev, verifying requests."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "").removeprefix("v0=")
    inbound.check(
        settings.COUNTERSIGN_SLACK_SECRET,
        timestamp=timestamp,
        signed=b"v0:%s:%s" % (timestamp.encode(), request.body),
        signature=signature,
    )
    ticket = inbound.decide(_of_slack(request.POST.get("payload", "")), via=Channel.SLACK, signature=signature)
    said = f"{words.harmless(ticket.action, words.LONG)}: {ticket.get_state_display().lower()}"
    return JsonResponse({"text": f"Recorded. {said}."})


@signed
def callback(request: HttpRequest) -> HttpResponse:
    """`{"account", "ticket", "type", "digest", "message"?}`, signed as our own webhooks are."""
    timestamp = request.headers.get("Countersign-Timestamp", "")
    signature = request.headers.get("Countersign-Signature", "").removeprefix("v1=")
    inbound.check(
        settings.COUNTERSIGN_CALLBACK_SECRET,
        timestamp=timestamp,
        signed=b"%s.%s" % (timestamp.encode(), request.body),
        signature=signature,
    )
    said = _json(request.body.decode(errors="replace"))
    ticket = inbound.decide(_said(said, account=said.get("account")), via=Channel.CALLBACK, signature=signature)
    return JsonResponse({"id": ticket.pk, "state": ticket.state, "outcome": ticket.outcome})


def _check_size(request: HttpRequest) -> None:
    """By what it says and by what it is: what comes in pieces says nothing."""
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES or len(request.body) > MOST_BYTES:
        raise TooLarge("The message is too large: at most 64 KiB.")


def _of_slack(payload: str) -> Said:
    told = _json(payload)
    try:
        [action] = told["actions"]
        kind, ticket, digest = str(action["value"]).split(" ")
        account = f"{told['team']['id']}/{told['user']['id']}"
        return _said({"type": kind, "ticket": int(ticket), "digest": digest}, account=account)
    except (KeyError, ValueError, TypeError) as error:
        raise MalformedMessage from error


def _said(told: dict[str, Any], *, account: Any) -> Said:
    ticket: Any = told.get("ticket")
    message = told.get("message", "")
    is_id = isinstance(ticket, int) and not isinstance(ticket, bool) and 0 < ticket < 2**63
    texts = (account, told.get("type"), told.get("digest"), message)
    if not is_id or not all(map(_is_plain, texts)) or len(message) > MOST_WORDS:
        raise MalformedMessage
    return Said(account=account, ticket_id=ticket, type=told["type"], digest=told["digest"], message=message)


def _is_plain(text: Any) -> bool:
    """A text that the database holds as it came: it knows no U+0000 and no lone surrogates."""
    return isinstance(text, str) and plaintext.text(text) == text


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage from error
    if not isinstance(told, dict):
        raise MalformedMessage
    return told
