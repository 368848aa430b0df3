"""One reviewer's word: `record` is the write path, and reads as its specification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import (
    answers,
    arguments,
    audit,
    confirmations,
    digests,
    failpoints,
    grants,
    intake,
    policy,
    quorum,
    replays,
    shortages,
    sign_off,
    tickets,
    weighing,
    wordlists,
)
from approvals.contract import NewDecision
from approvals.errors import (
    AlreadyDecided,
    ConfirmationRequired,
    DecisionNotAllowed,
    InvalidArguments,
    StaleDigest,
)
from approvals.failpoints import Point
from approvals.models import Batch, Decision, Revision, Ticket
from approvals.states import Channel, DecisionType, Gate

#: No policy and no protocol lets an edit run another tool than the one that was weighed.
RENAMED = "An edit changes the arguments, not the name of the action; reject it and say what to do instead."


def record(
    ticket_id: int,
    *,
    reviewer: User,
    decision: NewDecision,
    via: Channel = Channel.CODE,
    batch: Batch | None = None,
    keyed: replays.Keyed | None = None,
    judge: Callable[[Ticket], None] | None = None,
) -> Ticket:
    """Write down a decision and resolve the ticket when it is enough. Returns the ticket as it stands then.

    One transaction: lock ▸ may decide? ▸ open, in time, allowed, on what was shown? ▸ row ▸ quorum ▸
    resolve ▸ audit ▸ enqueue. Raises an ApprovalError and changes nothing where the answer is no. How long an
    approval is held for recall may hang on how it came in (`via`). `batch`: the same is said on other tickets.
    `keyed`: the same request again changes nothing.
    `judge` is asked under the lock, of the version that the word is about, and raises where its caller asks for more.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_decide(reviewer, ticket)
        if replays.is_known(keyed, by=reviewer, ticket=ticket):
            return ticket
        tickets.check_open(ticket, now)
        kind = _check_decision(ticket, decision)
        if kind is not DecisionType.REJECT:  # to say no it is never too early
            sign_off.check_turn(ticket, reviewer)
        if kind is DecisionType.RESPOND:
            decision = _in_words(ticket, decision)
        if kind is DecisionType.EDIT:
            kind = _revise(ticket, decision, reviewer)
        words = sign_off.said(ticket)
        own = [word for word in words if word.reviewer_id == reviewer.pk and word.revision == ticket.revision]
        _check_first_word(ticket, own)
        if kind is DecisionType.APPROVE:
            _check_not_recalled(ticket, decision, own, reviewer)
        if judge is not None:
            judge(ticket)
        _check_confirmed(ticket, kind, decision)
        words.append(_write(ticket, kind, decision, reviewer, via, batch, now))
        ticket.know(decisions=words)
        _settle(ticket, now, decision, reviewer, kind, via)
        if decision.remember:
            grants.give(ticket, reviewer=reviewer, kind=kind, now=now)
        failpoints.reach(Point.VOTE_WRITTEN)
    failpoints.reach(Point.VOTE_COMMITTED)
    return ticket


def _check_decision(ticket: Ticket, decision: NewDecision) -> DecisionType:
    if decision.type not in DecisionType.values or decision.type not in ticket.allowed_decisions:
        raise DecisionNotAllowed(type=decision.type)
    if not digests.same(decision.digest, ticket.digest):
        raise StaleDigest(digest=ticket.digest, revision=ticket.revision)
    arguments.check_words(decision.message, path="/message")
    is_other = decision.args is not None and not digests.alike(decision.args, ticket.args)
    if decision.type == DecisionType.APPROVE and is_other:  # whoever sends this believes that something else runs
        raise InvalidArguments([{"path": "/args", "message": "an approval takes what is shown; send an edit"}])
    return DecisionType(decision.type)


def _in_words(ticket: Ticket, decision: NewDecision) -> NewDecision:
    """An answer in words or in fields, checked against what the graph says an answer looks like."""
    if decision.args is not None and decision.message.strip():
        raise InvalidArguments([{"path": "/message", "message": "answer in words or in fields, not in both"}])
    if decision.args is not None:
        return replace(decision, message=answers.written(decision.args, ticket.answer_schema))
    if not decision.message.strip():
        raise InvalidArguments([{"path": "/message", "message": "an answer needs words"}])
    if ticket.answer_schema:
        answers.read(decision.message, ticket.answer_schema)
    else:
        answers.check_words(decision.message)
    return decision


def _check_first_word(ticket: Ticket, said: Sequence[Decision]) -> None:
    """One word per person and revision. An edit comes before this: it speaks on the revision it makes."""
    if any(word.stands(ticket.revision) for word in said):
        raise AlreadyDecided


def _check_not_recalled(ticket: Ticket, decision: NewDecision, said: Sequence[Decision], reviewer: User) -> None:
    """An approval that was taken back is said anew by somebody who knows that, not by the old page once more."""
    if decision.taken_back is None:
        return
    taken_back = sum(word.was_recalled for word in said)
    if decision.taken_back == taken_back:
        return
    raise StaleDigest(
        f"{_who_recalled(ticket, reviewer)} took your approval back; look at it again before you repeat it.",
        digest=ticket.digest,
        revision=ticket.revision,
        taken_back=taken_back,
    )


def _who_recalled(ticket: Ticket, reviewer: User) -> str:
    """By name only where the reviewer is to know what the others do."""
    last = ticket.audit_entries.filter(type="ticket.recalled").order_by("-id").first()
    if last and last.actor_id == reviewer.pk:
        return "You"
    return last.actor_name if last and not policy.is_blind_for(reviewer, ticket) else "A reviewer"


def _check_confirmed(ticket: Ticket, kind: DecisionType, decision: NewDecision) -> None:
    """Under a manual gate whoever signs types what the arguments say; whoever refuses types nothing."""
    is_asked = ticket.gate == Gate.MANUAL and kind in quorum.SIGNS
    if is_asked and not confirmations.fits(decision.confirm, ticket.confirm_text):
        raise ConfirmationRequired(confirm_text=ticket.confirm_text)


def _revise(ticket: Ticket, decision: NewDecision, reviewer: User) -> DecisionType:
    """Make the next revision from an edit; votes on older ones no longer count. No change is an approval."""
    if decision.action and decision.action != ticket.action:
        raise DecisionNotAllowed(RENAMED)
    args: dict[str, Any] | None = decision.args
    if args is None:
        raise InvalidArguments([{"path": "", "message": "an edit needs arguments"}])
    arguments.check_shape(args)
    if digests.alike(args, ticket.args):
        if DecisionType.APPROVE not in ticket.allowed_decisions:
            raise DecisionNotAllowed(type=DecisionType.APPROVE.value)
        return DecisionType.APPROVE
    arguments.check_schema(args, ticket.args_schema)
    ticket.revision += 1
    ticket.digest = intake.digest_of(ticket, args)
    Revision.objects.create(ticket=ticket, number=ticket.revision, args=args, digest=ticket.digest, author=reviewer)
    ticket.save(update_fields=["revision", "digest"])
    wordlists.write(ticket, args)
    _weigh_again(ticket, args, reviewer)
    audit.append("revision.created", ticket=ticket, actor=reviewer, args=args)
    return DecisionType.EDIT


def _weigh_again(ticket: Ticket, args: dict[str, Any], reviewer: User) -> None:
    """The policy sees the edited arguments too: an edit may raise the tier and never lowers it."""
    terms, together = weighing.weighed(ticket, args)
    if together is None:
        intake.note_totals(ticket, terms)
    else:
        intake.apply_terms(ticket, together)
        policy.fetch_asked(ticket, reviewer)
    if ticket.gate == Gate.MANUAL:
        intake.ask_to_confirm(ticket, args)
        ticket.save(update_fields=["confirm_text", "policy"])


def _write(
    ticket: Ticket,
    kind: DecisionType,
    decision: NewDecision,
    reviewer: User,
    via: Channel,
    batch: Batch | None,
    now: datetime,
) -> Decision:
    unsigned = sign_off.why_unsigned(ticket, reviewer) if kind is DecisionType.EDIT else ""
    word = Decision.objects.create(
        ticket=ticket,
        revision=ticket.revision,
        reviewer=reviewer,
        type=kind,
        message=decision.message,
        digest=ticket.digest,
        batch=batch,
        at=now,
        withdrawn_at=now if unsigned == sign_off.EARLY else None,
    )
    word.speaks_for = [need.group.name for need in ticket.requirements.all() if need.is_theirs]
    told = {"decision": kind.value, "message": decision.message, "via": via.value}
    if unsigned:
        told["unsigned"] = unsigned
    if batch:
        told["batch"] = str(batch.pk)
    audit.append("decision.recorded", ticket=ticket, actor=reviewer, **told)
    return word


def _settle(
    ticket: Ticket, now: datetime, decision: NewDecision, reviewer: User, kind: DecisionType, via: Channel
) -> None:
    words = list(ticket.decisions.all())
    outcome = sign_off.outcome_of(ticket, words)
    if outcome is None:
        sign_off.note_turns(ticket, words)
        if kind is not DecisionType.APPROVE or ticket.answer_releases:
            shortages.note(ticket)
    else:
        tickets.resolve(ticket, outcome=outcome, now=now, message=decision.message, actor=reviewer, via=via)
