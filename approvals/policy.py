"""Which policy an action falls under, and who may decide on a ticket.

Policies are rows, ordered; the first match decides; a built-in last one catches what no row knows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, prefetch_related_objects

from approvals import matching, totals
from approvals.contract import Origin, ProposedAction
from approvals.errors import AlreadyDecided, NotAnApprover, NotYourTurn, OwnRequest
from approvals.matching import Rule, Terms
from approvals.models import EscalationStep, Policy, Requirement, Ticket
from approvals.models.ticket_lists import groups_of
from approvals.states import OnTimeout


def in_force() -> list[Rule]:
    """The enabled policies in the order in which they are tried. Two queries, three where one escalates."""
    policies = list(Policy.objects.filter(enabled=True).prefetch_related(_with_group("requirements", Requirement)))
    escalating = [policy for policy in policies if policy.on_timeout == OnTimeout.ESCALATE]
    prefetch_related_objects(escalating, _with_group("steps", EscalationStep))
    return [matching.rule_of(policy) for policy in policies]


def _with_group(relation: str, model: type[Requirement] | type[EscalationStep]) -> Prefetch[Any]:
    return Prefetch(relation, model._default_manager.select_related("group"))


def take_turns(
    rules: Sequence[Rule], actions: Sequence[ProposedAction], *, origin: Origin, requester: User | None
) -> None:
    """Wait for everybody who is opening or editing what adds to the same running totals.

    Before the first `match` of a transaction, for all its actions at once. Which policies are about these
    actions does not matter: what another policy weighs adds to a total just the same.
    """
    asked = {total for rule in rules for total in matching.totals_of(rule)}
    if asked:
        totals.lock(asked, [_subject(action, origin, requester) for action in actions])


def match(
    action: ProposedAction,
    *,
    origin: Origin,
    requester: User | None,
    rules: Sequence[Rule],
    ticket: Ticket | None = None,
) -> Terms:
    """The terms of the first rule that matches, with the totals that were read. `ticket`: it is weighed again."""
    total = totals.Reader(subject=_subject(action, origin, requester, ticket))
    terms = matching.first(
        rules, matching.facts_of(action, graph=origin.graph, requester=total.subject.requester), total=total
    )
    return replace(terms, totals=tuple(total.read.values()))


def _subject(
    action: ProposedAction, origin: Origin, requester: User | None, ticket: Ticket | None = None
) -> totals.Subject:
    return totals.Subject(
        action=action.action,
        graph=origin.graph,
        requester_id=requester.pk if requester else None,
        requester=requester.username if requester else "",
        args=action.args,
        ticket_id=ticket.pk if ticket else None,
    )


def may_decide(user: User, ticket: Ticket) -> None:
    """Raises OwnRequest or NotAnApprover where this person may not decide on the ticket."""
    if ticket.bar_requester and ticket.requester_id == user.pk:
        raise OwnRequest
    if not user.is_active or not _is_asked(user, ticket):
        raise NotAnApprover


def _is_asked(user: User, ticket: Ticket) -> bool:
    """No query on a ticket from `for_list`; one under its lock, where only what stands at this moment counts."""
    if ticket.has_fetched("requirements"):
        return not {requirement.group_id for requirement in ticket.requirements.all()}.isdisjoint(groups_of(user))
    fetch_asked(ticket, user)
    return any(requirement.is_theirs for requirement in ticket.requirements.all())


def fetch_asked(ticket: Ticket, user: User) -> None:
    """Bring along who is asked, and whether this person is one of them at this moment. One query."""
    member = User.groups.through.objects.filter(group=OuterRef("group"), user=user.pk)
    found = ticket.requirements.select_related("group").annotate(is_theirs=Exists(member))  # type: ignore[no-redef]
    ticket.know(requirements=list(found))


def may_still_decide(user: User, ticket: Ticket) -> None:
    """As `may_decide`; raises AlreadyDecided too where this person has said their word on the current version."""
    may_decide(user, ticket)
    if ticket.decisions.standing(ticket.revision).filter(reviewer=user).exists():
        raise AlreadyDecided


def colleagues(ticket: Ticket, *, of: User) -> QuerySet[User]:
    """Everybody else who may still decide on the ticket, by name; all who may, for one who is not to know who has."""
    groups = ticket.requirements.values("group")
    people = User.objects.filter(is_active=True, groups__in=groups).exclude(pk=of.pk)
    if not is_blind_for(of, ticket):
        people = people.exclude(pk__in=ticket.decisions.standing(ticket.revision).values("reviewer"))
    if ticket.bar_requester and ticket.requester_id:
        people = people.exclude(pk=ticket.requester_id)
    return people.distinct().order_by("username")


def blocked_reason(user: User, ticket: Ticket) -> str | None:
    """The sentence that tells this person why they cannot decide, before they try; None where they can."""
    try:
        may_decide(user, ticket)
    except (OwnRequest, NotAnApprover) as refusal:
        return str(refusal)
    voted = any(d.reviewer_id == user.pk and d.stands(ticket.revision) for d in ticket.decisions.all())
    if voted and ticket.barred_editor_id == user.pk:
        return "You changed the arguments; someone else must approve them."
    return "You have already decided on this version." if voted else None


def is_blind_for(user: User, ticket: Ticket) -> bool:
    """Are the others' words hidden from this reader? From reviewers who have not spoken on the current version."""
    return ticket.is_blind and is_blind_to(set(user.groups.values_list("pk", flat=True)), user, ticket)


def is_blind_to(groups: Collection[int], user: User, ticket: Ticket) -> bool:
    """As `is_blind_for`, for a reader whose groups are known. No query on a ticket from `for_list`."""
    if not ticket.is_blind or any(
        d.reviewer_id == user.pk and d.stands(ticket.revision) for d in ticket.decisions.all()
    ):
        return False
    return any(requirement.group_id in groups for requirement in ticket.requirements.all())


def waiting_reason(user: User, ticket: Ticket) -> str | None:
    """The sentence for somebody whose turn to sign has not come; None where it has, or any order will do."""
    theirs = set(user.groups.values_list("pk", flat=True)) if ticket.in_sequence else set()
    asked = [requirement for requirement in ticket.requirements.all() if requirement.group_id in theirs]
    if not asked or not all(requirement.waits for requirement in asked):
        return None
    first = next(
        requirement for requirement in ticket.requirements.all() if not requirement.waits and requirement.needed
    )
    return str(NotYourTurn(first=first.group.name))
