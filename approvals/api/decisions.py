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
from approvals.api.fields import Id
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import TicketOut, reply
from approvals.contract import ALL_DECISIONS, NewDecision
from approvals.models import Ticket
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


@router.post("/{ticket_id}/decisions", auth=DECIDE, response={200: TicketOut, **PROBLEMS})
def create(request: HttpRequest, ticket_id: Path[Id], body: Said) -> HttpResponse:
    """Decide: approve, edit, reject or respond."""
    found = tickets.find(request, ticket_id)
    decision = NewDecision(**body.model_dump() | {"args": _restored(body, found)})
    decisions.record(found.pk, reviewer=reader(request), decision=decision, via=Channel.API)
    return reply(tickets.shown(request, ticket_id))


@router.post("/{ticket_id}/recall", auth=DECIDE, response={200: TicketOut, **PROBLEMS})
def recall(request: HttpRequest, ticket_id: Path[Id]) -> HttpResponse:
    """Take an approval back before the agent is told."""
    found = tickets.find(request, ticket_id)
    state_machine.recall(found.pk, actor=reader(request))
    return reply(tickets.shown(request, ticket_id))


def _restored(body: Said, found: Ticket) -> dict[str, Any] | None:
    """The arguments with each mark as the secret it stands for; an older version is refused anyway."""
    if body.args is None or body.type == DecisionType.RESPOND or not digests.same(body.digest, found.digest):
        return body.args
    args: dict[str, Any] = masks.restored(body.args, of=found.args)
    return args
