"""The rows of the ledger. Everything that changes `Effect.state` is here; the database refuses the rest.

A claim is one conditional UPDATE, committed before the tool is called: so the tool is called at most once,
and a claim without an outcome is doubt, which only evidence or a person ends. Light: no LangGraph here.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from agents import fence, workers
from agents.database import AWAY, unhurried
from agents.errors import LeaseLost, NotAuthorised
from agents.leases import ClockTimestamp
from agents.models import Effect, EffectState, Run
from agents.models.effects import OVER
from approvals import digests, plaintext, tickets
from approvals.models import Ticket
from approvals.states import Execution, Gate, Risk

OTHER_ARGUMENTS = "This was not run: its arguments are not the ones that were approved."
SETTLED_OTHERWISE = "This was not run: somebody found out what became of it, and did not approve another try."
ENDED = "The run ended before this was run."
PASSED = "The graph went on without running this."
#: A tool that answers later than this may never answer.
DEADLINE_SECONDS = 60
#: A call that is past its deadline gets this long before anybody may believe that it will not act any more.
MARGIN_SECONDS = 60

#: A value as the checkpointer writes it: its type and its bytes.
Kept = tuple[str, bytes] | None

_CLAIM = """
WITH mine AS MATERIALIZED (
    SELECT set_config('synchronous_commit', %(hurry)s, true) FROM agents_run
    WHERE thread_id = %(thread_id)s AND lease_token = %(token)s AND lease_expires_at > clock_timestamp()
    FOR SHARE
), was AS MATERIALIZED (
    SELECT state = 'started' AND claim <> %(gone)s AS is_repeat FROM agents_effect WHERE id = %(id)s FOR UPDATE
)
UPDATE agents_effect SET state = 'started', claim = %(claim)s, lease_token = %(token)s, owner = %(owner)s,
    place = %(place)s, started_at = clock_timestamp(), deadline_seconds = %(deadline)s, has_probe = %(probe)s,
    retry_until = COALESCE(retry_until, clock_timestamp() + make_interval(secs => %(window)s / 2))
FROM mine, was
WHERE id = %(id)s AND digest = %(digest)s AND place = %(found_at)s
    AND (state = 'authorised' OR state = 'started' AND (retry_until > clock_timestamp() OR claim = %(gone)s))
RETURNING was.is_repeat
"""


_HOLD = """
SELECT set_config(%s, %s, true) FROM agents_run
WHERE thread_id = %s AND lease_token = %s AND lease_expires_at > clock_timestamp() FOR SHARE
"""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that is about to be made, and the lease under which it would be."""

    thread_id: str
    token: int
    action: str
    digest: str
    call_id: str = ""
    #: Who makes it, and which of the calls like it this is: see `places`.
    task: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a tool declares about itself."""

    deadline_seconds: float = DEADLINE_SECONDS
    #: How long its provider remembers a key; None where it knows no keys.
    window_seconds: float | None = None
    #: Asked with the key whether it happened: None, it cannot tell; False, it did not; anything else is the result.
    probe: Callable[[str], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to carry out one effect, given to one caller."""

    effect: Effect
    token: int
    #: Somebody else began it under the same key and may have done it, or may still be at it.
    is_repeat: bool = False
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


def digest_of(action: str, args: Mapping[str, Any]) -> str:
    """The digest of a call; of one that JSON cannot say, a digest that nothing has."""
    try:
        return hashlib.sha256(digests.canonical({"action": action, "args": dict(args)})).hexdigest()
    except digests.NotCanonical:
        return ""


def authorise(ticket: Ticket, *, args: Mapping[str, Any]) -> Effect:
    """Let an approved action be carried out once. In the transaction that hands over its approval.

    An older approval of the same call, asked for again since, is void: one call has one.
    """
    if ticket.tool_call_id:
        older = Effect.objects.filter(thread_id=ticket.thread_id, tool_call_id=ticket.tool_call_id)
        _move(older.filter(state=EffectState.AUTHORISED), EffectState.WITHDRAWN)
    return _make(ticket, number=1, digest=digest_of(ticket.action, args))


def standing(call: Call, *, is_gated: bool) -> Effect | None:
    """The effect that this call would be; None where nobody approved it.

    Raises NotAuthorised where it would use an approval that was given for other arguments.
    """
    found = Effect.objects.of_call(call).select_related("ticket").first()
    if found is None or found.digest == call.digest:
        return found
    if not is_gated and found.state in OVER:
        return None  # models use ids again
    raise NotAuthorised(OTHER_ARGUMENTS)


def claim(effect: Effect, call: Call, terms: Terms, *, gone: str = "") -> Claim | None:
    """Begin: committed when this returns. None where it may not be begun (again). Raises LeaseLost.

    `gone`: a claim that is known to come to nothing any more; its place may be taken, under the same key.
    Where the connection breaks in the commit, the claim is looked for; unreadable, it is as if it were not given.
    """
    wanted = Claim(effect=effect, token=call.token)
    try:
        if (is_repeat := _claim(wanted, call, terms, gone=gone)) is not None:
            return replace(wanted, is_repeat=is_repeat)
    except AWAY:
        connection.close()
        if _claimed(wanted).exists():
            # Whether it had been begun went with the connection: a key may have been used, so it counts as used.
            return replace(wanted, is_repeat=not gone and terms.window_seconds is not None)
        raise
    if not Run.objects.filter(thread_id=call.thread_id, lease_token=call.token).exists():
        raise LeaseLost(thread_id=call.thread_id)
    return None


def is_taken(effect: Effect, call: Call) -> bool:
    """Has another call been given this effect since it was read?"""
    return (
        effect.place != call.place
        and Effect.objects.filter(pk=effect.pk).exclude(place__in=[effect.place, call.place]).exists()
    )


def may_repeat(claim: Claim) -> bool:
    """May the call be made once more under this claim: is the run still ours, and the key surely known?"""
    mine = Run.objects.filter(thread_id=claim.effect.thread_id, lease_token=claim.token)
    try:
        is_held = Exists(mine.filter(lease_expires_at__gt=ClockTimestamp()))
        return _claimed(claim).filter(is_held, retry_until__gt=ClockTimestamp()).exists()
    except AWAY:
        return False  # what cannot be asked is not proven


def renew(effect: Effect, call: Call) -> Effect:
    """The same approval once more, after it is known that nothing happened. Raises LeaseLost."""
    with transaction.atomic():
        if not hold(call.thread_id, call.token):
            raise LeaseLost(thread_id=call.thread_id)
        tickets.start_again(effect.ticket_id)
        again = Effect.objects.filter(ticket=effect.ticket_id, number=effect.number + 1).first()
        return again or _make(effect.ticket, number=effect.number + 1, digest=effect.digest, place=effect.place)


def settle(
    claim: Claim, state: EffectState, *, result: Any = None, error: str = "", kept: Kept = None, is_over: bool = True
) -> None:
    """Write down what became of it, on the ticket too. Raises LeaseLost where the run is another worker's by now.

    Then what is said is kept as late evidence. It waits for the disk: what a power cut takes back would be doubt
    about something that is known.
    """
    effect = claim.effect
    facts = {"result": plaintext.json(result), "error": plaintext.text(error)}
    stored = {"kept_as": kept[0], "kept": kept[1]} if kept else {}
    with transaction.atomic():
        if _is_harmless(effect.ticket):
            unhurried()
        if not hold(effect.thread_id, claim.token):
            Effect.objects.filter(pk=effect.pk).update(late={"state": state.value, **facts})
        elif _move(_claimed(claim), state, lease_token=claim.token, **facts, **stored):
            tickets.record_execution(effect.ticket_id, execution=_EXECUTIONS[state], **facts, is_over=is_over)
            return
    if not Effect.objects.filter(pk=effect.pk, claim=claim.key, state=state).exists():
        raise LeaseLost(thread_id=effect.thread_id)


def authorise_again(ticket: Ticket) -> None:
    """A person found out that it did not happen, and enough have signed that it runs again. Under its row lock."""
    last = Effect.objects.filter(ticket=ticket).order_by("-number")[0]
    _make(ticket, number=last.number + 1, digest=last.digest, place=last.place)
    tickets.start_again(ticket.pk)


def reconcile(ticket_id: int, state: EffectState, *, result: Any = None, error: str = "") -> None:
    """What a person found out. The caller holds the ticket's row lock and writes its execution."""
    _move(Effect.objects.filter(ticket=ticket_id, state=EffectState.UNKNOWN), state, result=result, error=error)


def give_back(claim: Claim) -> None:
    """The call asked people its next question instead of coming to an end: it will be made again."""
    _move(_claimed(claim), EffectState.AUTHORISED)


def doubt(ticket_id: int, *, error: str) -> None:
    """Nobody knows whether this happened: the ticket says so. The caller holds the thread's lease."""
    with transaction.atomic():
        tickets.lock(ticket_id)
        _move(Effect.objects.filter(ticket=ticket_id, state=EffectState.STARTED), EffectState.UNKNOWN, error=error)
        tickets.record_execution(ticket_id, execution=Execution.UNKNOWN, error=error)


def record_raised(ticket_id: int, *, error: str) -> None:
    """The graph raised. What was not begun did not happen, and may be begun when the run is tried again."""
    begun = Effect.objects.filter(ticket=ticket_id, state=EffectState.STARTED).exclude(_may_be_tried_again())
    if begun.exists():
        doubt(ticket_id, error=error)
    elif Effect.objects.filter(ticket=ticket_id, state=EffectState.AUTHORISED).exists():
        tickets.record_execution(ticket_id, execution=Execution.FAILED, error=error)


def pass_by(ticket_id: int) -> None:
    """The graph went on and did not do it: the approval is used up."""
    if void(ticket_id):
        tickets.record_execution(ticket_id, execution=Execution.FAILED, error=PASSED)


def void(ticket_id: int) -> bool:
    """An approval that will not be used."""
    return _move(Effect.objects.filter(ticket=ticket_id, state=EffectState.AUTHORISED), EffectState.WITHDRAWN)


def withdraw(thread_id: str, *, reason: str) -> None:
    """What was approved on this thread and not begun never will be. The caller is in a transaction."""
    unbegun = Effect.objects.filter(thread_id=thread_id, state=EffectState.AUTHORISED).order_by("ticket_id")
    for ticket_id in list(unbegun.values_list("ticket_id", flat=True)):
        if void(ticket_id):
            tickets.record_execution(ticket_id, execution=Execution.FAILED, error=reason)


def answered_for() -> Exists:
    """Does the ledger answer for a ticket that is under way? Not begun, or to be tried or asked after again."""
    safe = Q(state=EffectState.AUTHORISED) | Q(_may_be_tried_again(), state=EffectState.STARTED)
    return Exists(Effect.objects.filter(safe, ticket=OuterRef("pk"), ticket__is_ledgered=True))


def is_past() -> Q:
    """Has the call been over for so long that nothing which its worker sent can be under way any more?"""
    return Q(started_at__lt=ClockTimestamp() - (F("deadline_seconds") + MARGIN_SECONDS) * timedelta(seconds=1))


_EXECUTIONS = {
    EffectState.SUCCEEDED: Execution.SUCCEEDED,
    EffectState.FAILED: Execution.FAILED,
    EffectState.UNKNOWN: Execution.UNKNOWN,
}


def _may_be_tried_again() -> Q:
    return Q(retry_until__gt=ClockTimestamp()) | Q(has_probe=True)


def _claim_facts(wanted: Claim, call: Call, terms: Terms) -> dict[str, Any]:
    return {
        "hurry": "off" if _is_harmless(wanted.effect.ticket) else "on",
        "thread_id": call.thread_id,
        "token": call.token,
        "claim": wanted.key,
        "owner": workers.name()[:200],
        "deadline": math.ceil(terms.deadline_seconds),
        "probe": terms.probe is not None,
        "window": terms.window_seconds,
        "id": wanted.effect.pk,
        "digest": call.digest,
        "place": call.place,
        "found_at": wanted.effect.place,
    }


def _is_harmless(ticket: Ticket) -> bool:
    """Nobody was asked, and to run it twice after a power cut is cheaper than to wait for the disk."""
    return ticket.gate == Gate.AUTO and ticket.risk == Risk.LOW


def _claim(wanted: Claim, call: Call, terms: Terms, *, gone: str) -> bool | None:
    """Had it been begun before, as the row says under its lock? None where it was not given."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {**_claim_facts(wanted, call, terms), "gone": gone})
        given = cursor.fetchone()
        return bool(given[0]) if given else None


def _claimed(claim: Claim) -> QuerySet[Effect]:
    return Effect.objects.filter(pk=claim.effect.pk, claim=claim.key, state=EffectState.STARTED)


def _make(ticket: Ticket, *, number: int, digest: str, place: str = "") -> Effect:
    told = [ticket.pk, ticket.revision, ticket.tool_call_id, number]
    return Effect.objects.create(
        effect_id=hashlib.sha256(digests.canonical(told)).hexdigest(),
        ticket=ticket,
        thread_id=ticket.thread_id,
        revision=ticket.revision,
        number=number,
        action=ticket.action,
        tool_call_id=ticket.tool_call_id,
        digest=digest,
        place=place,
    )


def _move(rows: QuerySet[Effect], after: EffectState, **facts: Any) -> bool:
    """The only writer of `Effect.state`, besides the claim. The database checks the move."""
    settled = {"settled_at": ClockTimestamp()} if after in OVER else {}
    return bool(rows.update(state=after, **settled, **facts))


def hold(thread_id: str, token: int) -> bool:
    """Is this lease the latest? Until the end of the transaction nobody takes it, and what is written carries it."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [fence.SETTING, f"{token}:{thread_id}", thread_id, token])
        return cursor.fetchone() is not None
