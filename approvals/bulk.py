"""One word on many tickets. Each is decided on its own, as if alone: locked, judged, written and audited.

Saying yes to many at once is for what is alike, harmless and undisputed; `hindrances` says what stands against
it, ticket by ticket, before and again when it is done. Saying no is the safe side and always possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db.models import F

from approvals import decisions, display, friction, policy, recalls, tickets
from approvals.contract import NewDecision
from approvals.errors import ApprovalError, BulkRefused, ConfirmationRequired
from approvals.models import Batch, Claim, Decision, Ticket
from approvals.states import Channel, DecisionType, Risk

MOST = {DecisionType.APPROVE: 20, DecisionType.REJECT: 100}
#: Nearer to its deadline than this nobody reads a table to its end.
TOO_NEAR = timedelta(seconds=60)
ALREADY = "You have decided it already."
#: What `hindrances` goes by and can change while the digest stays.
JUDGED = ("risk", "gate", "policy", "policy_name", "policy_version", "least_signers", "escalations", "deadline_at")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one ticket of a batch; `refusal` is empty where the word was recorded."""

    ticket: Ticket
    refusal: str

    @property
    def is_decided(self) -> bool:
        """Had the reviewer decided it before?"""
        return self.refusal == ALREADY


def hindrances(found: Sequence[Ticket], *, reviewer: User, now: datetime) -> dict[int, str]:
    """Why these cannot be approved together: a sentence for each ticket that stands in the way."""
    kinds = [(ticket.action, ticket.graph, ticket.policy_name, ticket.policy_version) for ticket in found]
    usual = max(kinds, key=kinds.count, default=None)
    against = {
        ticket.pk: _against(ticket, reviewer=reviewer, now=now) or ("" if kind == usual else _differs(kind, usual))
        for ticket, kind in zip(found, kinds, strict=True)
    }
    return {ticket_id: why for ticket_id, why in against.items() if why}


def too_many(found: Sequence[Ticket], kind: DecisionType) -> str:
    """The sentence for a selection that is too large for this word; empty where it is not."""
    if len(found) <= MOST[kind]:
        return ""
    return f"{len(found)} tickets are selected; at most {MOST[kind]} can be {PAST[kind]} together."


PAST = {DecisionType.APPROVE: "approved", DecisionType.REJECT: "rejected"}


def record(digests: Mapping[int, str], *, reviewer: User, kind: DecisionType, message: str, now: datetime) -> Batch:
    """Say the same on every ticket, each bound to the digest that was shown; the refused ones are kept with why.

    Raises BulkRefused, and records nothing, where the selection may not be decided together.
    """
    found = list(Ticket.objects.visible_to(reviewer).for_list().filter(pk__in=digests).order_by("pk"))
    _check(found, digests, reviewer=reviewer, kind=kind, now=now)
    batch = Batch.objects.create(reviewer=reviewer, type=kind)
    for ticket in found:
        said = NewDecision(type=kind, digest=digests[ticket.pk], message=message, taken_back=0)
        judge = partial(_judge_again, shown=ticket, reviewer=reviewer) if kind is DecisionType.APPROVE else None
        try:
            decisions.record(ticket.pk, reviewer=reviewer, decision=said, via=Channel.BROWSER, batch=batch, judge=judge)
        except ApprovalError as refusal:
            batch.refused[str(ticket.pk)] = _kept(refusal, ticket, reviewer)
    batch.save(update_fields=["refused"])
    return batch


def _judge_again(ticket: Ticket, *, shown: Ticket, reviewer: User) -> None:
    """Nobody approves from a list what is judged otherwise by now. The caller holds the row lock."""
    others = Claim.objects.live().filter(ticket=ticket).exclude(holder=reviewer)
    is_same = all(getattr(ticket, fact) == getattr(shown, fact) for fact in JUDGED)
    if not is_same or others.exists() or ticket.decisions.recalled(ticket.revision).exists():
        raise BulkRefused("It has changed since these were compared; look at it again.")


def _kept(refusal: ApprovalError, ticket: Ticket, reviewer: User) -> str:
    """Its sentence without the ticket's own words: those go when the ticket is erased, and this row stays."""
    if Decision.objects.standing(F("ticket__revision")).filter(ticket=ticket.pk, reviewer=reviewer).exists():
        return ALREADY  # whatever else stands against it by now: the same list may have come before and got half-way
    return "It asks for a typed confirmation." if isinstance(refusal, ConfirmationRequired) else str(refusal)


def results(batch: Batch, *, reader: User) -> list[Result]:
    """What became of each ticket that the reader may still see: those that were decided, then those that were not."""
    visible = Ticket.objects.visible_to(reader).for_list().order_by("pk")
    done = visible.filter(decisions__batch=batch)
    left = visible.filter(pk__in=list(batch.refused))
    return [
        *(Result(ticket=ticket, refusal="") for ticket in done),
        *(Result(ticket=ticket, refusal=batch.refused[str(ticket.pk)]) for ticket in left),
    ]


def unseen(batch: Batch, seen: Sequence[Result]) -> int:
    """How many tickets of the batch are not among these."""
    return batch.decisions.count() + len(batch.refused) - len(seen)


def recallable(batch: Batch, found: Sequence[Result]) -> list[Ticket]:
    """Those of the batch whose approval can be taken back with it, as far as can be told without the lock.

    A list that got half-way and was sent again is one list to whoever sent it: what the first half said counts too.
    What they decided alone, or somebody else did since, does not.
    """
    return [each.ticket for each in found if _is_of(batch, each) and recalls.may_recall(each.ticket, batch.reviewer)]


def _is_of(batch: Batch, result: Result) -> bool:
    words = (word for word in result.ticket.decisions.all() if word.stands(result.ticket.revision))
    own = (word for word in words if word.reviewer_id == batch.reviewer_id and word.type == batch.type)
    return any(word.batch_id == batch.pk or (result.is_decided and word.batch_id) for word in own)


def recall(batch: Batch, *, actor: User) -> int:
    """Take back every approval of the batch that the actor may still see and take back; how many those were."""
    taken = 0
    for ticket in recallable(batch, results(batch, reader=actor)):
        try:
            tickets.recall(ticket.pk, actor=actor)
        except ApprovalError:
            continue  # the page that follows shows how each stands
        taken += 1
    return taken


def _check(
    found: Sequence[Ticket], digests: Mapping[int, str], *, reviewer: User, kind: DecisionType, now: datetime
) -> None:
    if why := "Nothing is selected." if not found else too_many(found, kind):
        raise BulkRefused(why)
    # What has changed since the page was drawn is refused one by one below; the others still count.
    as_shown = [ticket for ticket in found if ticket.is_open and ticket.digest == digests[ticket.pk]]
    if kind is DecisionType.APPROVE and (against := hindrances(as_shown, reviewer=reviewer, now=now)):
        raise BulkRefused(tickets=sorted(against))


def _against(ticket: Ticket, *, reviewer: User, now: datetime) -> str:
    blocked = policy.blocked_reason(reviewer, ticket) or policy.waiting_reason(reviewer, ticket)
    if not ticket.is_open:
        return f"It is {ticket.get_state_display().lower()} already."
    if blocked:
        return blocked
    if ticket.risk in {Risk.HIGH, Risk.CRITICAL}:
        return f"{ticket.get_risk_display()}: it is looked at and decided alone."
    if DecisionType.APPROVE not in ticket.allowed_decisions:
        return "It is a question: it needs an answer, not an approval."
    if friction.of_ticket(ticket) != friction.NONE:
        return "It asks for more care than a list can take: decide it on its own page."
    return _disputed(ticket, reviewer=reviewer, now=now)


def _disputed(ticket: Ticket, *, reviewer: User, now: datetime) -> str:
    holder = getattr(ticket, "claimed_by", None)
    if display.signatures(ticket).needed > 1:
        return "It needs more than one signature."
    if ticket.revision > 1:
        return "Its arguments were edited."
    if any(vote.was_recalled and vote.revision == ticket.revision for vote in ticket.decisions.all()):
        return "An approval of it was taken back."
    if ticket.follows_id:
        return "The agent was refused this before and asks again."
    if holder and holder != reviewer.get_username():
        return f"{holder} is on it."
    return "It is due in less than a minute." if ticket.deadline_at and ticket.deadline_at - now < TOO_NEAR else ""


def _differs(kind: tuple[str, str, str, int], usual: tuple[str, str, str, int] | None) -> str:
    names = ("action", "graph", "policy", "version of its policy")
    different = next(name for name, own, theirs in zip(names, kind, usual or kind, strict=True) if own != theirs)
    return f"Its {different} is another one than that of most."
