"""Factories with keyword overrides: what an agent proposes, what a reviewer says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from approvals import audit, decisions, intake, tickets
from approvals.contract import NewDecision, Origin, ProposedAction
from approvals.models import EscalationStep, Policy, Requirement, Ticket

_numbers = itertools.count(1)

TRANSFER_SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "number", "exclusiveMinimum": 0}, "to": {"type": "string"}},
    "required": ["amount", "to"],
}


def propose(action: str = "transfer_money", *, args: dict[str, Any] | None = None, **fields: Any) -> ProposedAction:
    """An action as a wire format would describe it."""
    args = {"amount": 250, "to": "bob"} if args is None else args
    return ProposedAction(action=action, args=args, **fields)


def open_ticket(
    action: str = "transfer_money",
    *,
    requester: User | None = None,
    graph: str = "operations",
    thread_id: str | None = None,
    interrupt_id: str | None = None,
    **fields: Any,
) -> Ticket:
    """A ticket opened the way a graph opens one."""
    number = next(_numbers)
    origin = Origin(
        graph=graph,
        thread_id=thread_id or f"thread-{number}",
        interrupt_id=f"{number:032x}" if interrupt_id is None else interrupt_id,
        requester_id=requester.pk if requester else None,
    )
    return intake.open_tickets([propose(action, **fields)], origin=origin)[0]


def decide(ticket: Ticket, reviewer: User, type: str = "approve", **fields: Any) -> Ticket:
    """A decision on what the ticket shows at this moment."""
    ticket.refresh_from_db()
    return decisions.record(
        ticket.pk, reviewer=reviewer, decision=NewDecision(type=type, **{"digest": ticket.digest, **fields})
    )


def claim(ticket: Ticket) -> bool:
    """A worker's claim of this ticket alone; was it given?"""
    with transaction.atomic():
        return bool(tickets.claim(Ticket.objects.filter(pk=ticket.pk)))


def make_policy(
    name: str = "Transfers",
    *,
    requirements: dict[str, int] | None = None,
    steps: list[tuple[str, int, int]] | None = None,
    **fields: Any,
) -> Policy:
    """A policy with its requirements by group name, and its escalation steps (group, needed, seconds).

    Without its entry in the record, which most tests have nothing to do with.
    """
    if steps:
        fields.setdefault("on_timeout", "escalate")
    with unguarded():
        return _made(name, requirements=requirements or {}, steps=steps or [], fields=fields)


def _made(
    name: str, *, requirements: dict[str, int], steps: list[tuple[str, int, int]], fields: dict[str, Any]
) -> Policy:
    policy = Policy.objects.create(name=name, **fields)
    for group, needed in requirements.items():
        Requirement.objects.create(policy=policy, group=Group.objects.get_or_create(name=group)[0], needed=needed)
    for position, (name, needed, seconds) in enumerate(steps, start=1):
        group_of_step = Group.objects.get_or_create(name=name)[0]
        EscalationStep.objects.create(
            policy=policy, position=position, group=group_of_step, needed=needed, deadline_seconds=seconds
        )
    return policy


def force(told: Any, **fields: Any) -> int:
    """Write what no code would write, with the entry in the record that the database asks for; how many."""
    changed = 0
    for ticket in told:
        with transaction.atomic():
            changed += Ticket.objects.filter(pk=ticket.pk).update(**fields)
            audit.append("ticket.forced", ticket=tickets.lock(ticket.pk)[0])
    return changed


@contextmanager
def unguarded() -> Iterator[None]:
    """What only time does, or somebody who owns the database: no rule of ours is asked, which only a test may do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        role = cursor.fetchone()[0]  # who may do nothing of the kind
        cursor.execute("SET LOCAL ROLE none")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("SELECT set_config('role', %s, true)", [role])


def overdue(ticket: Ticket, seconds: float = 1) -> Ticket:
    """Move the deadline into the past of the database's clock."""
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_ticket SET deadline_at = clock_timestamp() - make_interval(secs => %s) WHERE id = %s",
            [seconds, ticket.pk],
        )
    ticket.refresh_from_db()
    return ticket
