"""What a page asks of whoever approves, and whether they did it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from approvals import cards, digests, edits, friction, looks, masks, policy, salience
from approvals.contract import NewDecision
from approvals.errors import ApprovalError, CareMissing, ConfirmationRequired
from approvals.forms import DecisionForm
from approvals.models import Ticket
from approvals.states import DecisionType

SIGNING = frozenset({DecisionType.APPROVE, DecisionType.EDIT})


def check(request: HttpRequest, ticket: Ticket, decision: NewDecision) -> None:
    """Raises SignInAgain or CareMissing. What `decisions.record` refuses anyway is left to its sentences."""
    if decision.type not in SIGNING or not _could_count(request, ticket, decision):
        return
    args = ticket.args if decision.args is None else decision.args
    review = edits.review(ticket, args, editor=_reader(request))
    taken = _taken(request, ticket, review.args, decision)
    care = review.care if _is_browser(request) else replace(review.care, panel=False, reason=False)
    friction.check(care, taken, at_least=settings.COUNTERSIGN_SECOND_LOOK_SECONDS)


def _is_browser(request: HttpRequest) -> bool:
    """Does it come from a page? A program that posts without one is held to what the API is held to.

    No page and no extension can keep a browser from sending Sec-Fetch-Mode; over plain http to another machine
    it is not sent, and there the form's own marks tell.
    """
    return "Sec-Fetch-Mode" in request.headers or bool(request.htmx) or "seen" in request.POST  # type: ignore[attr-defined]


def has_signed_in_lately(request: HttpRequest) -> bool:
    """Was the password, or what else this person signs in with, asked for in the last 15 minutes?"""
    records = get_authentication_records(request, _reader(request))
    return any(time.time() - record["at"] < app_settings.REAUTHENTICATION_TIMEOUT for record in records)


def checked(ticket: Ticket, args: dict[str, Any]) -> list[str]:
    """The values that whoever approves says they looked at, by name."""
    card = cards.kept(ticket.card)
    found = salience.values(masks.value(args), masks.schema(ticket.args_schema), card.salient)
    return [*found, f"environment {card.environment}"] if card.environment else found


def of_review(
    request: HttpRequest, ticket: Ticket, review: edits.Review | None, *, refusal: ApprovalError | None
) -> dict[str, Any]:
    """What the page of an edit says and carries, so that it can be signed there."""
    if review is None:
        return {}
    is_second = is_quick(refusal)
    return {
        "checked": checked(ticket, review.args),
        "seen": looks.note(
            ticket, review.args, reader_id=_reader(request).pk, is_second=is_second, before=request.POST.get("seen", "")
        ),
        "is_second": is_second,
        "must_sign_in": not has_signed_in_lately(request),
        "missing": missing(refusal),
    }


def is_quick(refusal: ApprovalError | None) -> bool:
    """Was it only too soon?"""
    return isinstance(refusal, CareMissing) and bool(refusal.facts.get("is_quick"))


def missing(refusal: ApprovalError | None) -> dict[str, str]:
    """The sentence for each field that was left out."""
    return dict(refusal.facts.get("errors", [])) if isinstance(refusal, CareMissing) else {}


def status_of(refusal: ApprovalError | None) -> int:
    """The status of the page: there a missing confirmation is one of the things that were left out."""
    return CareMissing.status if isinstance(refusal, ConfirmationRequired) else refusal.status if refusal else 200


def _reader(request: HttpRequest) -> User:
    return cast("User", request.user)


def _could_count(request: HttpRequest, ticket: Ticket, decision: NewDecision) -> bool:
    is_fresh = ticket.is_open and digests.same(decision.digest, ticket.digest)
    return is_fresh and not policy.blocked_reason(_reader(request), ticket)


def _taken(request: HttpRequest, ticket: Ticket, args: dict[str, Any], decision: NewDecision) -> friction.Taken:
    form = DecisionForm(request.POST)
    form.is_valid()
    seen, reader = form.cleaned_data.get("seen", ""), _reader(request)
    seconds, is_second = looks.since(seen, ticket, args, reader_id=reader.pk)
    return friction.Taken(
        seconds=seconds,
        is_second=is_second,
        checked=form.cleaned_data.get("checked", False),
        reason=decision.message,
        signed_in_lately=has_signed_in_lately(request),
    )
