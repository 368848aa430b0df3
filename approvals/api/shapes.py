"""What the API says, as the contract has it: a ticket, a page of tickets, an audit entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from pydantic import BaseModel

from approvals import display, masks, policy
from approvals.models import Decision, Ticket
from approvals.states import DecisionType, Execution


class PolicyOut(BaseModel):
    """The policy the ticket stands under."""

    name: str
    version: int


class RequirementOut(BaseModel):
    """Sign-offs from one group."""

    group: str
    needed: int
    given: int


class DecisionOut(BaseModel):
    """One reviewer's word; who, what and why are null while the reader is not to know them yet."""

    reviewer: str | None
    type: str | None
    message: str | None
    revision: int
    at: datetime
    #: Does it count now?
    counts: bool


class EffectOut(BaseModel):
    """What became of the action."""

    state: str
    result: Any
    error: str | None


class TicketOut(BaseModel):
    """One proposed action waiting for people, or what became of it."""

    id: int
    url: str
    graph: str
    thread_id: str
    interrupt_id: str | None
    action: str
    args: dict[str, Any]
    args_schema: dict[str, Any] | None
    answer_schema: dict[str, Any] | None
    description: str
    reasoning: str
    evidence: list[dict[str, str]]
    case_for: str
    case_against: str
    context: list[dict[str, Any]]
    confidence: float | None
    risk: str
    gate: str
    #: What has to be typed to sign under the manual gate.
    confirm_text: str | None
    policy: PolicyOut
    allowed_decisions: list[str]
    best_guess: Any
    state: str
    outcome: str | None
    #: What the deciding person, or the clock, said.
    message: str
    revision: int
    digest: str
    requester: str | None
    requirements: list[RequirementOut]
    decisions: list[DecisionOut]
    #: Why nobody can complete it; null where somebody can.
    shortage: str | None
    opened_at: datetime
    deadline_at: datetime | None
    on_timeout: str
    resolved_at: datetime | None
    #: Until then an approval can be taken back.
    release_at: datetime | None
    delivered_at: datetime | None
    effect: EffectOut | None


class TicketPage(BaseModel):
    """Some tickets, and the cursor of those that follow."""

    items: list[TicketOut]
    next: str | None


def reply(value: BaseModel, *, status: int = 200) -> HttpResponse:
    """The value as JSON."""
    return HttpResponse(value.model_dump_json(), status=status, content_type="application/json")


def tickets(found: Sequence[Ticket], *, reader: User, is_agent: bool = False) -> list[TicketOut]:
    """Tickets from `for_list`, as this reader may see them. One query more where some are blind.

    Secrets are hidden from everybody but the agent that asked: it runs with them.
    """
    groups = set(reader.groups.values_list("pk", flat=True)) if any(t.is_blind for t in found) else set()
    return [
        ticket(
            each,
            blind=policy.is_blind_to(groups, reader, each),
            is_masked=not (is_agent and each.requester_id == reader.pk),
        )
        for each in found
    ]


def ticket(found: Ticket, *, blind: bool, is_masked: bool) -> TicketOut:
    """One ticket. A name that stands in the model as it does in the contract is taken from there."""
    hide = masks.value if is_masked else _as_it_is
    taken = {name: getattr(found, name) for name in TicketOut.model_fields if name not in _MADE}
    return TicketOut(
        **{**taken, **{name: hide(taken[name]) for name in _SAID}, **_schemas(taken, is_masked=is_masked)},
        url=settings.PUBLIC_URL + found.get_absolute_url(),
        interrupt_id=found.interrupt_id or None,
        confirm_text=found.confirm_text or None,
        policy=PolicyOut(name=found.policy_name, version=found.policy_version),
        outcome=found.outcome or None,
        message="" if blind else hide(found.message),
        requester=found.requester.get_username() if found.requester else None,
        shortage=found.shortage or None,
        effect=_effect(found, hide=hide),
        **_signatures(found, blind=blind, hide=hide),
    )


_MADE = {"url", "interrupt_id", "confirm_text", "policy", "outcome", "message", "requester", "shortage", "effect"}
_MADE |= {"requirements", "decisions"}
#: What may hold a secret.
_SAID = ("args", "description", "reasoning", "context", "evidence", "case_for", "case_against", "best_guess")


def _schemas(taken: dict[str, Any], *, is_masked: bool) -> dict[str, Any]:
    return {name: masks.schema(taken[name]) for name in ("args_schema", "answer_schema")} if is_masked else {}


def _as_it_is(value: Any) -> Any:
    return value


def _effect(found: Ticket, *, hide: Callable[[Any], Any]) -> EffectOut | None:
    if found.execution == Execution.NOT_STARTED:
        return None
    return EffectOut(state=found.execution, result=hide(found.result), error=hide(found.error) or None)


def _signatures(found: Ticket, *, blind: bool, hide: Callable[[Any], Any]) -> dict[str, Any]:
    places = display.signatures(found, blind=blind).places
    given = {place.group: len(place.votes) for place in places if len(place.groups) == 1}
    counting = {vote.pk for place in places for vote in place.votes}
    needs = [
        RequirementOut(group=need.group.name, needed=need.needed, given=given.get(need.group.name, 0))
        for need in found.requirements.all()
    ]
    words = [_decision(found, vote, counting=counting, blind=blind, hide=hide) for vote in found.decisions.all()]
    return {"requirements": needs, "decisions": words}


def _decision(
    found: Ticket, vote: Decision, *, counting: set[int], blind: bool, hide: Callable[[Any], Any]
) -> DecisionOut:
    signs = vote.type in {DecisionType.APPROVE, DecisionType.EDIT}
    counts = vote.pk in counting if signs and found.is_open and not blind else vote.stands(found.revision)
    return DecisionOut(
        reviewer=None if blind else vote.reviewer.get_username(),
        type=None if blind else vote.type,
        message=None if blind else hide(vote.message),
        revision=vote.revision,
        at=vote.at,
        counts=counts,
    )
