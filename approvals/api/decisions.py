"""A person's word on a ticket, and taking it back. The same functions as behind the pages."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router
from pydantic import BaseModel, ConfigDict, Field

from approvals import decisions, digests, masks
from approvals import tickets as state_machine
from approvals.api import tickets
from approvals.api.access import DECIDE, reader
from approvals.api.bodies import digest_of
from approvals.api.fields import Id, Key
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import TicketOut, reply
from approvals.contract import ALL_DECISIONS, NewDecision
from approvals.errors import NotAnApprover, OwnRequest
from approvals.replays import Keyed
from approvals.states import Channel, DecisionType

router = Router(tags=["decisions"])

#: As long as a note on the page.
MOST_WORDS = 10_000


class Said(BaseModel):
    """One reviewer's word, bound by the digest to the revision that was shown."""

    model_config = ConfigDict(extra="forbid")

    #: Whether this ticket takes it is for the ticket to say.
    type: Annotated[str, Field(json_schema_extra={"enum": list(ALL_DECISIONS)})]
    digest: str
    #: The edited arguments, hidden values by their marks or typed anew; with `respond` the fields of the answer.
    args: dict[str, Any] | None = None
    message: Annotated[str, Field(max_length=MOST_WORDS)] = ""
    #: What the manual gate asks to type.
    confirm: Annotated[str, Field(max_length=1_000)] = ""
    #: How many of one's own approvals of this revision one knows to be taken back: an approval after a recall says
    #: so, or comes with a new Idempotency-Key; else it could be an old request sent again (409, with the number).
    taken_back: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


@router.post("/{ticket_id}/decisions", auth=DECIDE, response={200: TicketOut, **PROBLEMS})
def create(request: HttpRequest, ticket_id: Path[Id], body: Said, key: Key = None) -> HttpResponse:
    """Decide: approve, edit, reject or respond.

    Sent again with the same Idempotency-Key it is the same word, and the answer is the ticket as it stands; with
    another body or for another ticket a 422. What was refused may be tried again under its key.
    """
    keyed = _keyed(request, key, body.model_dump(exclude_unset=True))
    said = body.model_dump() | {"args": _restored(request, ticket_id, body)}
    if keyed is None:  # it may be an old request that is sent again
        said["taken_back"] = body.taken_back or 0
    decision, reviewer = NewDecision(**said), reader(request)
    try:
        ticket = decisions.record(ticket_id, reviewer=reviewer, decision=decision, via=Channel.API, keyed=keyed)
    except (NotAnApprover, OwnRequest):
        tickets.find(request, ticket_id)  # of what one may not see one learns nothing; who may decide may see it
        raise
    return reply(tickets.decided(request, ticket))


@router.post("/{ticket_id}/recall", auth=DECIDE, response={200: TicketOut, **PROBLEMS})
def recall(request: HttpRequest, ticket_id: Path[Id], key: Key = None) -> HttpResponse:
    """Take an approval back before the agent is told. Sent again with the same Idempotency-Key it takes no other."""
    found = tickets.find(request, ticket_id)
    state_machine.recall(found.pk, actor=reader(request), keyed=_keyed(request, key))
    return reply(tickets.shown(request, ticket_id))


def _keyed(request: HttpRequest, key: str | None, body: dict[str, Any] | None = None) -> Keyed | None:
    """What the key stands for: this body at this address. Raises InvalidArguments for what has no canonical form."""
    return Keyed(key=key, digest=digest_of({"path": request.path, "body": body})) if key else None


def _restored(request: HttpRequest, ticket_id: int, body: Said) -> dict[str, Any] | None:
    """The arguments with each mark as the secret it stands for; an older version is refused anyway."""
    if body.args is None or body.type == DecisionType.RESPOND:
        return body.args
    found = tickets.find(request, ticket_id)
    if not digests.same(body.digest, found.digest):
        return body.args
    args: dict[str, Any] = masks.restored(body.args, of=found.args)
    return args
