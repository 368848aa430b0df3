"""A pause becomes tickets: policy, ticket, revision 1, audit, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from approvals import (
    answers,
    arguments,
    audit,
    cards,
    catalogue,
    confirmations,
    conversations,
    digests,
    failpoints,
    grants,
    policy,
    proposals,
    quorum,
    repeats,
    resume,
    schemas,
    shortages,
    tickets,
    wordlists,
)
from approvals.contract import Origin, ProposedAction
from approvals.failpoints import Point
from approvals.matching import Rule, Terms
from approvals.models import Opening, Revision, Ticket, TicketRequirement
from approvals.states import Gate, Outcome


def open_tickets(actions: Sequence[ProposedAction], *, origin: Origin, requester: User | None = None) -> list[Ticket]:
    """One ticket for each proposed action of an interrupt; the same ones when asked again.

    `requester` is who the origin names, where the caller has just looked them up.
    Raises InvalidArguments or TooLarge where an action cannot be shown whole, and then opens none.
    """
    actions = [proposals.plain(action) for action in actions]
    for action in actions:
        arguments.check_shape(action.args)
        arguments.check_name(action.action, what="action")
        arguments.check_name(action.tool_call_id, what="tool call id")
    with transaction.atomic(savepoint=False):
        now = _lock_interrupt(origin)
        known = {ticket.position: ticket for ticket in _known(origin)}
        if requester is None and origin.requester_id:
            requester = User.objects.filter(pk=origin.requester_id).first()
        fresh = _known_cards([action for action in actions if action.position not in known], origin)
        rules = policy.in_force() if fresh else []
        policy.take_turns(rules, fresh, origin=origin, requester=requester)
        opened = {a.position: _open(a, origin=origin, requester=requester, now=now, rules=rules) for a in fresh}
        failpoints.reach(Point.TICKET_WRITTEN)
    failpoints.reach(Point.TICKET_OPENED)
    return [known.get(action.position) or opened[action.position] for action in actions]


def _known_cards(fresh: Sequence[ProposedAction], origin: Origin) -> list[ProposedAction]:
    among = catalogue.rows() if fresh else []
    return [catalogue.known(action, graph=origin.graph, among=among) for action in fresh]


def digest_of(ticket: Ticket, args: dict[str, Any]) -> str:
    """The digest of these arguments as the ticket's current revision."""
    return digests.of_revision(
        graph=ticket.graph,
        thread_id=ticket.thread_id,
        action=ticket.action,
        number=ticket.revision,
        args=args,
    )


def apply_terms(ticket: Ticket, terms: Terms) -> None:
    """Put a saved ticket under these terms, replacing the requirements it had. Under the row lock.

    Under another tier a shorter time to decide begins now; a longer one changes nothing: an edit buys nobody time.
    """
    if list(terms.snapshot()["steps"]) != ticket.policy.get("steps", []):
        ticket.escalations = 0  # another chain of groups is gone through from its beginning
    is_other = (terms.name, terms.version) != (ticket.policy_name, ticket.policy_version)
    _set_terms(ticket, terms)
    if is_other and terms.deadline_seconds and ticket.chain and ticket.deadline_at:
        sooner = ticket.chain.at + timedelta(seconds=terms.deadline_seconds)
        if sooner < ticket.deadline_at:
            ticket.deadline_at = sooner
            resume.enqueue_expiry(ticket.pk, at=sooner)
    ticket.save(update_fields=[*_TERM_FIELDS])
    ticket.requirements.all().delete()
    ticket.know(requirements=_require(ticket, terms))
    audit.append("policy.applied", ticket=ticket, risk=ticket.risk, terms=terms.snapshot())


def ask_to_confirm(ticket: Ticket, args: dict[str, Any]) -> None:
    """Work out what is typed under a manual gate to approve these arguments; nothing under another. Not saved."""
    is_manual = ticket.gate == Gate.MANUAL
    template = ticket.policy.get("confirm", "")
    text, why = confirmations.filled(template, action=ticket.action, args=args) if is_manual else ("", "")
    ticket.confirm_text = text
    if why != ticket.policy.get("confirm_note", ""):
        ticket.policy = {**ticket.policy, "confirm_note": why}


def note_totals(ticket: Ticket, terms: Terms) -> None:
    """The ticket stays under its terms; the totals it shows are those with the new arguments."""
    told = terms.snapshot()["totals"]
    if told != ticket.policy.get("totals", []):
        ticket.policy = {**ticket.policy, "totals": told}
        ticket.save(update_fields=["policy"])


_TERM_FIELDS = [
    "deadline_at",
    "risk",
    "gate",
    "policy_name",
    "policy_version",
    "policy",
    "bar_requester",
    "deny_threshold",
    "on_timeout",
    "recall_seconds",
    "escalations",
]


#: No key, no lock: a remote agent's ticket belongs to no interrupt.
_LOCK = """
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(%s, 1)))
SELECT clock_timestamp() FROM turn
"""


def _open(
    action: ProposedAction,
    *,
    origin: Origin,
    requester: User | None,
    now: datetime,
    rules: Sequence[Rule],
) -> Ticket:
    terms = policy.match(action, origin=origin, requester=requester, rules=rules)
    ticket = _drafted(action, origin=origin, requester=requester, now=now)
    _put_under(ticket, terms, args=action.args, now=now)
    ticket.save()
    audit.begin(ticket, at=now)
    revision = Revision.objects.create(ticket=ticket, number=1, args=action.args, digest=ticket.digest)
    wordlists.write(ticket, action.args)
    ticket.opening = Opening(revision=revision, requirements=_require(ticket, terms))
    told = {"args": action.args, "terms": terms.snapshot(), "graph": origin.graph, "card": ticket.card}
    audit.append("ticket.opened", ticket=ticket, **told, **_again(ticket))
    if ticket.shortage:
        audit.append("ticket.stuck", ticket=ticket, message=ticket.shortage)
    if terms.max_requests and ticket.request_number > terms.max_requests:
        tickets.withdraw(ticket, now=now, reason=repeats.TOO_OFTEN.format(number=terms.max_requests, policy=terms.name))
    elif terms.gate == Gate.AUTO:
        tickets.resolve(ticket, outcome=Outcome.AUTO_APPROVED, now=now, message=f"Policy “{terms.name}”")
    elif grant := grants.usable(action, origin=origin, requester=requester, terms=terms):
        tickets.resolve(ticket, outcome=Outcome.AUTO_APPROVED, now=now, message=grants.use(grant, ticket))
    elif ticket.deadline_at:
        resume.enqueue_expiry(ticket.pk, at=ticket.deadline_at)
    return ticket


def _drafted(action: ProposedAction, *, origin: Origin, requester: User | None, now: datetime) -> Ticket:
    """What was proposed, as a row that is not saved yet."""
    follows = repeats.followed(action, origin=origin)
    ticket = Ticket(
        graph=origin.graph,
        thread_id=origin.thread_id,
        interrupt_id=origin.interrupt_id,
        checkpoint_id=origin.checkpoint_id,
        protocol=origin.protocol,
        position=action.position,
        tool_call_id=action.tool_call_id,
        is_ledgered=action.is_ledgered,
        action=action.action,
        args_schema=schemas.kept(action.args_schema),
        description=action.description,
        reasoning=action.reasoning,
        evidence=action.evidence,
        case_for=action.case_for,
        case_against=action.case_against,
        context=conversations.kept(action.context),
        confidence=action.confidence,
        card=cards.as_json(action.card),
        allowed_decisions=list(action.allowed_decisions),
        answer_releases=action.answer_releases,
        answer_schema=schemas.kept(action.answer_schema),
        best_guess=action.best_guess,
        requester=requester,
        follows=follows,
        request_number=repeats.number_after(follows),
        opened_at=now,
    )
    ticket.guess_fits = answers.is_answer(ticket.best_guess, ticket.answer_schema)
    return ticket


def _put_under(ticket: Ticket, terms: Terms, *, args: dict[str, Any], now: datetime) -> None:
    """What the policy makes of it: terms, deadline, digest, and whether anybody can sign at all."""
    _set_terms(ticket, terms)
    ask_to_confirm(ticket, args)
    ticket.digest = digest_of(ticket, args)
    if terms.gate == Gate.AUTO:
        return
    if terms.deadline_seconds:
        ticket.deadline_at = now + timedelta(seconds=terms.deadline_seconds)
    needs = [quorum.Need(group=name, needed=needed) for name, needed in terms.requirements]
    ticket.shortage = shortages.sentence(ticket, shortages.members_of(need.group for need in needs), needs)


def _again(ticket: Ticket) -> dict[str, Any]:
    return {"follows": ticket.follows_id, "request_number": ticket.request_number} if ticket.follows_id else {}


def _set_terms(ticket: Ticket, terms: Terms) -> None:
    ticket.risk, ticket.gate = terms.risk, terms.gate
    ticket.policy_name, ticket.policy_version = terms.name, terms.version
    ticket.policy = terms.snapshot()
    ticket.bar_requester, ticket.deny_threshold = terms.bar_requester, terms.deny_threshold
    ticket.on_timeout, ticket.recall_seconds = terms.on_timeout, terms.recall_seconds


def _require(ticket: Ticket, terms: Terms) -> list[TicketRequirement]:
    groups = Group.objects.in_bulk([name for name, _ in terms.requirements], field_name="name")
    for name, _ in terms.requirements:
        groups[name] = groups.get(name) or Group.objects.get_or_create(name=name)[0]
    return TicketRequirement.objects.bulk_create(
        TicketRequirement(ticket=ticket, group=groups[name], needed=needed, waits=terms.in_sequence and place > 0)
        for place, (name, needed) in enumerate(terms.requirements)
    )


def _known(origin: Origin) -> list[Ticket]:
    if not origin.interrupt_id:
        return []
    return list(Ticket.objects.live().filter(thread_id=origin.thread_id, interrupt_id=origin.interrupt_id))


def _lock_interrupt(origin: Origin) -> datetime:
    """Two intakes of one interrupt take turns; the unique constraint stands behind this. The time after that."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [f"{origin.thread_id}/{origin.interrupt_id}" if origin.interrupt_id else None])
        now: datetime = cursor.fetchone()[0]
    return now
