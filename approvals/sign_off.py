"""What the signatures on a ticket come to now, by the people who are eligible at this moment.

Asked when somebody decides, and again when a worker is about to deliver: who was taken out of a group in
between has signed for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet

from approvals import quorum
from approvals.errors import NotYourTurn
from approvals.models import Decision, Grant, Ticket, TicketRequirement
from approvals.states import DecisionType, Outcome

#: How a ticket ends when people approved it.
BY_PEOPLE = frozenset({Outcome.APPROVED, Outcome.EDITED})

#: Why an edit is no signature: the gate lets it run anyhow, the editor may not sign it, or not yet.
SOFT, BARRED, EARLY = "soft", "barred", "early"


def said(ticket: Ticket) -> list[Decision]:
    """All that was said on the ticket; each word knows for which groups its reviewer speaks at this moment.

    One query. The groups are those that the ticket asks now.
    """
    groups = [need.group_id for need in _asked(ticket)]
    eligible = Q(reviewer__is_active=True, reviewer__groups__in=groups)
    names = ArrayAgg("reviewer__groups__name", filter=eligible)
    found = ticket.decisions.select_related("reviewer").annotate(speaks_for=names)  # type: ignore[no-redef]
    return list(found.order_by("id"))


def count(ticket: Ticket, words: Sequence[Decision] | None = None, *, answer: str | None = None) -> quorum.Tally:
    """What the votes on the current revision come to, counting only people who are eligible now.

    `words`: what `said` has just found. `answer`: of the answers only those in these words.
    """
    votes = _votes(ticket, words)
    if answer is not None:
        votes = [vote for vote in votes if vote.type != DecisionType.RESPOND or vote.words == answer]
    return quorum.tally(
        _needs(ticket),
        votes,
        deny_threshold=ticket.deny_threshold,
        answer_releases=ticket.answer_releases,
        least_signers=ticket.least_signers,
    )


def outcome_of(ticket: Ticket, words: Sequence[Decision] | None = None) -> Outcome | None:
    """How the votes as they stand end the ticket; None while more are needed."""
    outcome = count(ticket, words).outcome
    return Outcome.EDITED if outcome is Outcome.APPROVED and ticket.revision > 1 else outcome


def holds(ticket: Ticket) -> bool:
    """Is an approval still one, or an answer on which the graph acts? What no person said, nobody's leaving undoes.

    What an earlier approval lets run stands as long as that one does.
    """
    if ticket.grant_id:
        asked = ticket.requirements.values("group")
        signers = User.objects.filter(is_active=True, groups__in=asked)
        return in_force(Grant.objects.filter(pk=ticket.grant_id), signers=signers) is not None
    if ticket.outcome == Outcome.ANSWERED and ticket.answer_releases:
        return count(ticket, answer=ticket.message).outcome is Outcome.ANSWERED
    return ticket.outcome not in BY_PEOPLE or outcome_of(ticket) in BY_PEOPLE


def in_force(found: QuerySet[Grant], *, signers: QuerySet[User]) -> Grant | None:
    """The first of these grants that stands; it cannot be taken back before the commit.

    Whoever gave it must still be one of the signers, and those who signed with them must still suffice.
    """
    live = Grant.objects.live().filter(pk__in=found.values("pk"), granted_by__in=signers)
    grant = live.select_for_update(of=("self",), no_key=True).select_related("granted_by", "ticket").first()
    return grant if grant and holds(grant.ticket) else None


def check_turn(ticket: Ticket, reviewer: User) -> None:
    """Where groups sign one after the other: raises NotYourTurn while an earlier one is not done."""
    if not ticket.in_sequence:
        return
    needs, next_up = _sequence(ticket)
    theirs = set(reviewer.groups.values_list("name", flat=True))
    waiting = next_up is not None and not any(
        need.group in theirs for place, need in enumerate(needs) if place == next_up or not need.needed
    )
    if waiting and next_up is not None:
        raise NotYourTurn(first=needs[next_up].group)


def is_early(ticket: Ticket, editor: User) -> bool:
    """Did the editor make this version before it is their turn to sign it? They sign it when that comes."""
    if not ticket.in_sequence or ticket.barred_editor_id:
        return False
    return not quorum.may_begin(_needs(ticket), set(editor.groups.values_list("name", flat=True)))


def why_unsigned(ticket: Ticket, editor: User) -> str:
    """Why the edit that made this version is not its editor's signature; empty where it is."""
    if DecisionType.EDIT not in ticket.signs:
        return SOFT
    if ticket.barred_editor_id == editor.pk:
        return BARRED
    return EARLY if is_early(ticket, editor) else ""


def words_for(ticket: Ticket, outcome: Outcome | None, *, otherwise: str) -> str:
    """What people said who brought this outcome about: their answer, or the last reason against it."""
    kind = {Outcome.ANSWERED: DecisionType.RESPOND, Outcome.REJECTED: DecisionType.REJECT}.get(
        outcome or Outcome.APPROVED
    )
    spoken = said(ticket)
    ours = [vote.words for vote in _votes(ticket, spoken) if vote.type == kind]
    agreed = (words for words in reversed(ours) if count(ticket, spoken, answer=words).outcome is outcome)
    return next(agreed, otherwise)


def note_turns(ticket: Ticket, words: Sequence[Decision] | None = None) -> None:
    """Keep on each requirement whether an earlier one comes first; the inbox asks for it. Under the row lock."""
    if not ticket.in_sequence:
        return
    _, next_up = _sequence(ticket, words)
    for place, asked in enumerate(ticket.requirements.all()):
        waits = next_up is not None and place > next_up and asked.needed > 0
        if asked.waits != waits:
            asked.waits = waits
            asked.save(update_fields=["waits"])


def withdraw(ticket: Ticket, *, actor: User, now: datetime) -> list[Decision]:
    """Take signatures back so that the ticket waits again; those taken back. The caller holds the row lock.

    The actor's own is enough where the others do not suffice without it. Where they do, or the actor had not
    signed, all are taken back: somebody has stopped this, and who still wants it says so again.
    """
    signed = ticket.decisions.standing(ticket.revision).filter(type__in=quorum.SIGNS)
    own = _take_back(list(signed.filter(reviewer=actor).exclude(reviewer=ticket.barred_editor_id)), now)
    if own and outcome_of(ticket) is None:
        return own
    return own + _take_back(list(signed), now)


def _take_back(votes: list[Decision], now: datetime) -> list[Decision]:
    for vote in votes:
        vote.withdrawn_at = now
        vote.save(update_fields=["withdrawn_at"])
    return votes


def _sequence(ticket: Ticket, words: Sequence[Decision] | None = None) -> tuple[list[quorum.Need], int | None]:
    """The requirements in order, and which of them is next; None when all are met."""
    needs = _needs(ticket)
    return needs, quorum.next_up(needs, _votes(ticket, words))


def _needs(ticket: Ticket) -> list[quorum.Need]:
    return [quorum.Need(group=need.group.name, needed=need.needed) for need in _asked(ticket)]


def _asked(ticket: Ticket) -> Sequence[TicketRequirement]:
    """Who has to sign; fetched with the groups, and once."""
    if not ticket.has_fetched("requirements"):
        ticket.know(requirements=list(ticket.requirements.select_related("group")))
    return list(ticket.requirements.all())


def _votes(ticket: Ticket, words: Sequence[Decision] | None) -> list[quorum.Vote]:
    """The words on the current revision of active people who are in one of the groups at this moment."""
    editor, requester = ticket.barred_editor_id, ticket.requester_id if ticket.bar_requester else None
    return [
        quorum.Vote(reviewer=word.reviewer_id, type=word.type, groups=frozenset(word.speaks_for), words=word.message)
        for word in (said(ticket) if words is None else words)
        if word.stands(ticket.revision) and word.speaks_for and word.reviewer_id != requester
        if word.type not in quorum.SIGNS or (word.type in ticket.signs and word.reviewer_id != editor)
    ]
