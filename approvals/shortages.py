"""A ticket that nobody can complete: the people who may sign are too few, whoever of them signs.

Found with the matching that counts signatures, over the real members at this moment. Kept on the ticket as a
sentence, so that lists can ask for it; a change of it is an entry of the ticket's chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.contrib.postgres.aggregates import ArrayAgg

from approvals import audit, quorum, wording
from approvals.matching import Terms
from approvals.models import Decision, Ticket
from approvals.states import DecisionType, Gate

#: Groups by name of everybody who is active, by id.
Members = Mapping[int, frozenset[str]]


def note(ticket: Ticket) -> None:
    """Write down whether the ticket can be completed, where that has changed. The caller holds the row lock."""
    found = sentence(ticket, members_of(need.group.name for need in ticket.requirements.select_related("group")))
    if found == ticket.shortage:
        return
    ticket.shortage = found
    ticket.save(update_fields=["shortage"])
    audit.append("ticket.stuck" if found else "ticket.signable", ticket=ticket, message=found)


def members_of(groups: Iterable[str]) -> Members:
    """The active members of these groups, with those of the groups they are in. One query."""
    people = User.objects.filter(is_active=True, groups__name__in=list(groups))
    rows = people.annotate(of=ArrayAgg("groups__name")).values_list("pk", "of")
    return {person: frozenset(of) for person, of in rows}


def sentence(ticket: Ticket, members: Members, needs: Sequence[quorum.Need] | None = None) -> str:
    """Why nobody can complete the ticket; empty where somebody can, or where it waits for nobody."""
    if ticket.gate not in {Gate.HARD, Gate.MANUAL} or not ticket.is_open:
        return ""
    missing = _missing(ticket, members, _needs_of(ticket) if needs is None else needs)
    if missing and not _waits_for_signatures(ticket):
        return "This cannot be answered: nobody may decide on it."
    return _told(missing)


def of_edit(ticket: Ticket, terms: Terms | None, *, editor: User, bars_editor: bool) -> str:
    """Why nobody could sign the version that this editor is about to make; empty where somebody could.

    `terms`: what it will stand under where that is stricter than now. Nobody has spoken on that version yet.
    """
    gate, bars_requester = (terms.gate, terms.bar_requester) if terms else (ticket.gate, ticket.bar_requester)
    if gate not in {Gate.HARD, Gate.MANUAL} or not _waits_for_signatures(ticket):
        return ""
    asked = [quorum.Need(group=group, needed=needed) for group, needed in terms.requirements] if terms else None
    needs = _needs_of(ticket) if asked is None else asked
    barred = {ticket.requester_id if bars_requester else None, editor.pk if bars_editor else None}
    people = {person: of for person, of in members_of(need.group for need in needs).items() if person not in barred}
    return _told(quorum.shortfall(needs, people, least_signers=ticket.least_signers))


def _told(missing: Sequence[quorum.Need]) -> str:
    if not missing:
        return ""
    told = [f"{need.needed} more of {need.group}" if need.group else f"{need.needed} more" for need in missing]
    return f"This cannot be signed: it needs {wording.listed(told)} than may sign now."


def _missing(ticket: Ticket, members: Members, needs: Sequence[quorum.Need]) -> Sequence[quorum.Need]:
    spoken = _spoken(ticket)
    barred = {ticket.requester_id if ticket.bar_requester else None, ticket.barred_editor_id}
    barred |= {vote.reviewer_id for vote in spoken if vote.type == DecisionType.REJECT}
    asked = {need.group for need in needs}
    people = {person: of for person, of in members.items() if of & asked and person not in barred}
    if not _waits_for_signatures(ticket):
        return [] if people else needs
    found = [
        quorum.shortfall(needs, side, least_signers=ticket.least_signers) for side in _sides(ticket, people, spoken)
    ]
    return min(found, key=lambda missing: sum(need.needed for need in missing))


def _sides(ticket: Ticket, people: Members, spoken: Sequence[Decision]) -> list[Members]:
    """Who could still come together: to sign, or where an answer counts like a signature, to say the same."""
    if not ticket.answer_releases:
        return [people]
    said = {vote.reviewer_id: (vote.type == DecisionType.RESPOND, vote.message) for vote in spoken}
    said |= {person: (False, "") for person, (is_answer, _) in said.items() if not is_answer}
    return [
        {person: of for person, of in people.items() if said.get(person, side) == side}
        for side in {(False, ""), *said.values()}
    ]


def _spoken(ticket: Ticket) -> list[Decision]:
    """The words on the current version; nobody has spoken on a ticket that is not saved yet.

    Where they are blind they are left out: a shortage is shown to everybody, and would tell of them.
    """
    if not ticket.pk or ticket.is_blind:
        return []
    return [vote for vote in ticket.decisions.all() if vote.stands(ticket.revision)]


def _needs_of(ticket: Ticket) -> list[quorum.Need]:
    return [quorum.Need(group=need.group.name, needed=need.needed) for need in ticket.requirements.all()]


def _waits_for_signatures(ticket: Ticket) -> bool:
    signs = {DecisionType.APPROVE, DecisionType.EDIT} & set(ticket.allowed_decisions)
    return bool(signs) or ticket.answer_releases
