"""What a page asks of whoever approves, and whether they did it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from approvals import cards, digests, edits, friction, looks, masks, salience, sign_off
from approvals.contract import NewDecision
from approvals.errors import ApprovalError, CareMissing, ConfirmationRequired
from approvals.forms import DecisionForm
from approvals.models import Ticket
from approvals.states import DecisionType

SIGNING = frozenset({DecisionType.APPROVE, DecisionType.EDIT})


def judge(request: HttpRequest, shown: Ticket, decision: NewDecision) -> Callable[[Ticket], None]:
    """What `decisions.record` asks under the row lock; raises SignInAgain or CareMissing.

    There the terms are those that the word falls under, and an edit has been weighed: what was asked for when the
    page was drawn, or a moment before the lock, may be less.
    """

    def judged(ticket: Ticket) -> None:
        if decision.type not in SIGNING:
            return
        care = _asked(ticket, shown, decision, reader=_reader(request))
        if not _is_browser(request):
            care = replace(care, panel=False, reason=False)
        if care != friction.NONE:
            taken = _taken(request, shown, decision)
            friction.check(care, taken, at_least=settings.COUNTERSIGN_SECOND_LOOK_SECONDS)

    return judged


def _asked(ticket: Ticket, shown: Ticket, decision: NewDecision, *, reader: User) -> friction.Care:
    """What this word takes. An edit that changes nothing has made no other version: it is an approval."""
    full = friction.of_ticket(ticket)
    if decision.args is None or digests.same(ticket.digest, decision.digest):
        return full
    signs = not sign_off.why_unsigned(ticket, reader)
    return edits.care(shown, decision.args, full, signs=signs)


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


def _taken(request: HttpRequest, shown: Ticket, decision: NewDecision) -> friction.Taken:
    form = DecisionForm(request.POST)
    form.is_valid()
    seen, reader = form.cleaned_data.get("seen", ""), _reader(request)
    args = shown.args if decision.args is None else decision.args
    seconds, is_second = looks.since(seen, shown, args, reader_id=reader.pk)
    return friction.Taken(
        seconds=seconds,
        is_second=is_second,
        checked=form.cleaned_data.get("checked", False),
        reason=decision.message,
        signed_in_lately=has_signed_in_lately(request),
    )
