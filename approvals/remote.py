"""What an agent elsewhere does with a ticket: ask, take the answer, say what became of it.

A worker of ours is told by its job and holds a lease. An agent over the API has neither: it claims the answer under a
name of its own before it acts, and the claim is given once. Whoever comes back under another name is told that
somebody has set about the action, and must not act.
"""

from __future__ import annotations

import math
import uuid
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction

from approvals import clock, freezes, intake, restores, tickets
from approvals.contract import Origin, ProposedAction
from approvals.errors import AlreadyClaimed, AlreadyReported, KeyReused, NotReleased, NotRemote, RateLimited
from approvals.models import RemoteRequest, Ticket
from approvals.states import Execution, TicketState

#: What policies know agents elsewhere by: a name of their own choosing could be one that a laxer policy trusts.
GRAPH = "remote"
#: More open tickets than this and the people who decide are only kept busy.
MOST_OPEN = 2_000
#: While everything is frozen nobody needs to ask more often.
FROZEN_SECONDS = 60
#: What was asked under a key, and how much waits, in one statement.
_BEFORE = """
SELECT known.ticket_id, known.digest, (
    SELECT count(*) FROM (
        SELECT FROM approvals_ticket AS ticket JOIN approvals_remoterequest AS asked ON asked.ticket_id = ticket.id
        WHERE ticket.state = 'pending' AND ticket.requester_id = %(agent)s LIMIT %(most)s
    ) AS waiting
)
FROM (VALUES (1)) AS always
LEFT JOIN approvals_remoterequest AS known
    ON known.requester_id = %(agent)s AND known.key = %(key)s AND known.key <> ''
"""
FINAL = {Execution.SUCCEEDED, Execution.FAILED}


class Before(NamedTuple):
    """What an agent has asked before: the ticket under this key, if there is one, and how many of theirs wait."""

    ticket_id: int | None
    digest: str | None
    waiting: int


def ask(action: ProposedAction, *, agent: User, key: str, digest: str, thread: str) -> tuple[Ticket, bool]:
    """Open a ticket, or find the one that was opened under this key; True when it is new.

    `digest` stands for the request as it was sent. Raises KeyReused where the key came with another, RateLimited
    where too many wait, and what `intake.open_tickets` raises.
    """
    with transaction.atomic():
        before = _before(agent, key)
        if before.ticket_id is not None:
            if before.digest != digest:
                raise KeyReused
            return Ticket.objects.get(pk=before.ticket_id), False
        if before.waiting >= MOST_OPEN:
            raise RateLimited(limit=f"{MOST_OPEN:,} open tickets", retry_after=60)
        origin = Origin(graph=GRAPH, thread_id=_thread(agent, thread), requester_id=agent.pk, is_new=not thread)
        [ticket] = intake.open_tickets([action], origin=origin, requester=agent)
        RemoteRequest.objects.create(ticket=ticket, requester=agent, key=key, digest=digest)
    return ticket, True


def claim(ticket_id: int, *, agent: User, name: str) -> Ticket:
    """Take the answer of a resolved ticket: once, and the same again under the same name.

    Raises AlreadyClaimed; NotReleased while people are asked or may take their approval back, and where those who
    approved may not any more: then people are asked again.
    """
    restores.look_again(at_first=True)  # nobody else in a web process looks
    with transaction.atomic():
        ticket, _ = tickets.lock(ticket_id)
        remote = _of(ticket, agent)
        if remote.claim == name:
            return ticket
        if ticket.delivered_at:
            raise AlreadyClaimed
        given = tickets.claim(Ticket.objects.filter(pk=ticket_id))
        if given:
            RemoteRequest.objects.filter(pk=ticket_id).update(claim=name)
    if not given:  # not inside: the ticket may wait again since, and that stands
        raise _not_released(ticket_id)
    return given[0]


def report(ticket_id: int, *, agent: User, execution: Execution, result: Any = None, error: str = "") -> Ticket:
    """Write down what became of an approved action. After a doubt a final word may follow; nothing else does.

    Raises NotReleased where nothing may run, AlreadyReported.
    """
    with transaction.atomic():
        ticket, _ = tickets.lock(ticket_id)
        _of(ticket, agent)
        if ticket.execution in FINAL or ticket.execution == execution:
            raise AlreadyReported(execution=Execution(ticket.execution).label.lower())
        is_told = ticket.delivered_at or tickets.claim(Ticket.objects.filter(pk=ticket_id))
        if is_told and ticket.state == TicketState.APPROVED:
            tickets.record_execution(ticket_id, execution=execution, result=result, error=error)
            return Ticket.objects.get(pk=ticket_id)
    raise _not_released(ticket_id)


def _of(ticket: Ticket, agent: User) -> RemoteRequest:
    """Who asked for it; the caller holds the ticket's lock. Raises NotRemote where it was not this agent."""
    remote = RemoteRequest.objects.filter(ticket=ticket, requester=agent).first()
    if remote is None:
        raise NotRemote
    return remote


def _before(agent: User, key: str) -> Before:
    """What there is already. Two at once under one key take turns; the unique constraint stands behind this."""
    with connection.cursor() as cursor:
        if key:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [f"{agent.pk}/{key}"])
        cursor.execute(_BEFORE, {"agent": agent.pk, "key": key, "most": MOST_OPEN})
        return Before(*cursor.fetchone())


def _thread(agent: User, thread: str) -> str:
    """The agent's own conversation. No run can be called so, and no other agent's thread."""
    return f"{GRAPH}/{agent.pk}/{thread or uuid.uuid4()}"


def _not_released(ticket_id: int) -> NotReleased:
    ticket = Ticket.objects.get(pk=ticket_id)
    if freezes.is_frozen():
        return NotReleased(why="everything is frozen until an operator clears it", retry_after=FROZEN_SECONDS)
    if ticket.state == TicketState.APPROVED and ticket.release_at:
        seconds = max(1, math.ceil((ticket.release_at - clock.now()).total_seconds()))
        return NotReleased(why=f"the approval can be taken back for {seconds} seconds more", retry_after=seconds)
    if ticket.is_open:
        return NotReleased(why="people are asked")
    return NotReleased(why=f"it is {TicketState(ticket.state).label.lower()}")
