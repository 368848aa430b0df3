"""Tickets: an agent asks, everybody reads, the agent takes the answer and says what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Path, Query, Router
from pydantic import BaseModel, ConfigDict, Field

from approvals import listings, remote
from approvals.api import cursors, shapes, waiting
from approvals.api.access import READ, REQUEST, is_agent, reader
from approvals.api.bodies import digest_of
from approvals.api.fields import Id, Key, Wait, Words
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import TicketOut, TicketPage, reply
from approvals.contract import ALL_DECISIONS, ProposedAction
from approvals.models import Ticket, TicketQuerySet, fetch_signing
from approvals.states import Execution

router = Router(tags=["tickets"])

MOST = 200
#: The hub looks for what it was not told of by itself: no ticket need be looked at on suspicion.
AT_MOST = float(waiting.MOST_SECONDS)


class Evidence(BaseModel):
    """One thing the agent found, and where."""

    model_config = ConfigDict(extra="forbid")

    title: str = ""
    text: str = ""
    source: str = ""


class NewTicket(BaseModel):
    """What an agent elsewhere wants to do."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[str, Field(min_length=1, max_length=200)]
    args: dict[str, Any]
    args_schema: dict[str, Any] | None = None
    description: str = ""
    reasoning: str = ""
    #: What the agent found, and what it says for and against; shown as its words.
    evidence: Annotated[list[Evidence], Field(max_length=20)] = []
    case_for: str = ""
    case_against: str = ""
    #: The conversation so far: {"role": "user|agent|tool|system", "content", "name"}.
    context: list[dict[str, Any]] = []
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    allowed_decisions: Annotated[list[Literal["approve", "edit", "reject", "respond"]], Field(min_length=1)] | None = (
        None
    )
    #: What an answer in words has to look like: JSON Schema.
    answer_schema: dict[str, Any] | None = None
    best_guess: Any = None
    #: The agent's own name for its conversation: what is asked again in it is shown as that.
    thread_id: Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9._:-]*$")] = ""


class Claim(BaseModel):
    """Who takes the answer."""

    model_config = ConfigDict(extra="forbid")

    #: A name that no other process uses: repeated under it the answer is the same, under another it is refused.
    claim: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,200}$")]


class Report(BaseModel):
    """What became of an approved action."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["succeeded", "failed", "unknown"]
    result: Any = None
    error: str | None = None


class Wanted(BaseModel):
    """Which tickets, and how many."""

    state: Literal["pending", "approved", "rejected", "answered", "expired", "cancelled", "superseded"] | None = None
    graph: Words | None = None
    action: Words | None = None
    thread_id: Words | None = None
    #: Those that wait for this token's owner, and those they asked for.
    mine: bool = False
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    cursor: Words | None = None


@router.post("", auth=REQUEST, response={201: TicketOut, 200: TicketOut, **PROBLEMS})
def create(
    request: HttpRequest,
    body: NewTicket,
    key: Key = None,
) -> HttpResponse:
    """Ask people. Repeated with the same Idempotency-Key it is the same ticket (200); with another body a 422."""
    digest = digest_of(body.model_dump(exclude_unset=True))
    ticket, is_new = remote.ask(
        _proposed(body), agent=reader(request), key=key or "", digest=digest, thread=body.thread_id
    )
    return reply(opened(request, ticket) if is_new else shown(request, ticket.pk), status=201 if is_new else 200)


@router.get("", auth=READ, response={200: TicketPage, **PROBLEMS})
def index(request: HttpRequest, wanted: Query[Wanted]) -> HttpResponse:
    """What waits, most urgent first, then what is decided, newest first."""
    after = cursors.read(wanted.cursor)
    rows, place = listings.page(_found(request, wanted), after=after, limit=wanted.limit)
    items = shapes.tickets(rows, reader=reader(request), is_agent=is_agent(request))
    return reply(TicketPage(items=items, next=cursors.written(place)))


@router.get("/{ticket_id}", auth=READ, response={200: TicketOut, **PROBLEMS})
def show(request: HttpRequest, ticket_id: Path[Id], wait: Wait = 0) -> HttpResponse:
    """One ticket; with `wait` the answer comes as soon as it is no longer pending, or after so many seconds."""
    if waiting.has_time(request, seconds=wait) and _first(request, ticket_id, Ticket.objects.pending().only("pk")):
        return waiting.Later(request=request, streams=(f"ticket/{ticket_id}",), at_most=AT_MOST)
    return reply(shown(request, ticket_id))


@router.post("/{ticket_id}/claim", auth=REQUEST, response={200: TicketOut, **PROBLEMS})
def claim(request: HttpRequest, ticket_id: Path[Id], body: Claim) -> HttpResponse:
    """Take the answer before acting on it: given once. Whoever is refused must not act."""
    found = find(request, ticket_id)
    remote.claim(found.pk, agent=reader(request), name=body.claim)
    return reply(shown(request, ticket_id))


@router.post("/{ticket_id}/outcome", auth=REQUEST, response={200: TicketOut, **PROBLEMS})
def report(request: HttpRequest, ticket_id: Path[Id], body: Report) -> HttpResponse:
    """Say what became of the action, once; after `unknown` a final word may follow."""
    found = find(request, ticket_id)
    told = {"result": body.result, "error": body.error or ""}
    remote.report(found.pk, agent=reader(request), execution=Execution(body.state), **told)
    return reply(shown(request, ticket_id))


def visible(request: HttpRequest) -> TicketQuerySet:
    """The tickets that this token's owner may see."""
    return Ticket.objects.visible_to(reader(request))


def find(request: HttpRequest, ticket_id: int) -> Ticket:
    """The ticket among those; any other is not found."""
    return get_object_or_404(visible(request), pk=ticket_id)


def opened(request: HttpRequest, ticket: Ticket) -> TicketOut:
    """The ticket that was opened just now, without asking for what was just written."""
    if ticket.opening is not None:
        ticket.know(revisions=[ticket.opening.revision], requirements=ticket.opening.requirements, decisions=[])
    return shapes.tickets([ticket], reader=reader(request), is_agent=is_agent(request))[0]


def decided(request: HttpRequest, ticket: Ticket) -> TicketOut:
    """The ticket as somebody's word has left it; that they may see it was found out with the word."""
    fetch_signing([ticket])
    return shapes.tickets([ticket], reader=reader(request), is_agent=is_agent(request))[0]


def shown(request: HttpRequest, ticket_id: int) -> TicketOut:
    """The ticket as this token's owner may see it."""
    found = _first(request, ticket_id, Ticket.objects.for_programs())
    if found is None:
        raise Http404
    return shapes.tickets([found], reader=reader(request), is_agent=is_agent(request))[0]


def _first(request: HttpRequest, ticket_id: int, among: TicketQuerySet) -> Ticket | None:
    """The ticket if it is among these and this token's owner may see it.

    An agent asks of what it asked for: that it may see it is known without its groups and permissions.
    """
    found = among.filter(pk=ticket_id)
    mine = found.filter(requester=reader(request)).first() if is_agent(request) else None
    return mine or found.visible_to(reader(request)).first()


def _found(request: HttpRequest, wanted: Wanted) -> TicketQuerySet:
    exact = {name: getattr(wanted, name) for name in ("state", "graph", "action", "thread_id")}
    found = visible(request).filter(**{name: value for name, value in exact.items() if value is not None})
    return found.concerning(reader(request)) if wanted.mine else found


def _proposed(body: NewTicket) -> ProposedAction:
    return ProposedAction(
        action=body.action,
        args=body.args,
        args_schema=body.args_schema,
        description=body.description,
        reasoning=body.reasoning,
        evidence=[each.model_dump() for each in body.evidence],
        case_for=body.case_for,
        case_against=body.case_against,
        context=body.context,
        confidence=body.confidence,
        allowed_decisions=tuple(dict.fromkeys(body.allowed_decisions or ALL_DECISIONS)),
        answer_schema=body.answer_schema,
        best_guess=body.best_guess,
    )
