"""What an edit would come to, shown before it is sent. Writes nothing: `decisions.record` judges anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User

from approvals import (
    arguments,
    cards,
    confirmations,
    differences,
    digests,
    friction,
    policy_words,
    quorum,
    salience,
    shortages,
    weighing,
    wording,
)
from approvals.matching import Terms
from approvals.models import EDITOR_BARRED, RISK_ORDER, Ticket
from approvals.states import DecisionType, Gate, Risk


@dataclass(frozen=True, kw_only=True)
class Review:
    """An edit as its editor looks through it once more."""

    args: dict[str, Any]
    changes: list[differences.Change]
    #: What becomes stricter by it, in sentences.
    asks: list[str]
    risk: str
    gate: str
    #: Is it the editor's signature too?
    signs: bool
    care: friction.Care
    #: What is typed to confirm it; empty where nothing is.
    confirm_text: str
    #: Why nobody could sign what it makes; empty where somebody could.
    shortage: str = ""


def review(ticket: Ticket, args: Any, *, editor: User) -> Review:
    """The difference, and what the policies make of it. Raises InvalidArguments or TooLarge."""
    arguments.check_shape(args)
    if digests.alike(args, ticket.args):
        return _as_it_is(ticket)
    arguments.check_schema(args, ticket.args_schema)
    _, stricter = weighing.weighed(ticket, args, is_sent=False)
    terms: Mapping[str, Any] = stricter.snapshot() if stricter else ticket.policy
    risk, gate = (stricter.risk, stricter.gate) if stricter else (ticket.risk, ticket.gate)
    bars_editor = _bars_editor(terms, risk)
    signs = DecisionType.EDIT in ticket.signs and not bars_editor and not _is_early(ticket, stricter, editor)
    return Review(
        args=args,
        changes=differences.of(ticket.args, args, ticket.args_schema),
        asks=list(_asks(ticket, stricter)) if stricter else [],
        risk=risk,
        gate=gate,
        signs=signs,
        care=care(ticket, args, friction.of(terms, risk=risk, gate=gate), signs=signs),
        confirm_text=_confirmation(ticket, args, terms) if gate == Gate.MANUAL else "",
        shortage=shortages.of_edit(ticket, stricter, editor=editor, bars_editor=bars_editor),
    )


def _as_it_is(ticket: Ticket) -> Review:
    """Nothing is different: sent as it stands, it is an approval."""
    return Review(
        args=ticket.args,
        changes=[],
        asks=[],
        risk=ticket.risk,
        gate=ticket.gate,
        signs=True,
        care=friction.of_ticket(ticket),
        confirm_text=ticket.confirm_text,
    )


def care(ticket: Ticket, args: dict[str, Any], full: friction.Care, *, signs: bool) -> friction.Care:
    """What it takes to make this of the ticket's arguments, where to approve it then takes `full`.

    Who signs what they changed takes as much care as whoever signs; who changed what matters says why.
    """
    telling = ticket.policy.get("ask_reason") is not False and _is_telling(ticket, args)
    return replace(full if signs else friction.NONE, reason=telling or (signs and full.reason))


def _is_telling(ticket: Ticket, args: dict[str, Any]) -> bool:
    """Did more than half of it change, or an amount, a recipient, a target?"""
    keys = dict.fromkeys((*ticket.args, *args))
    none = object()
    changed = [key for key in keys if not wording.same(ticket.args.get(key, none), args.get(key, none))]
    salient = cards.kept(ticket.card).salient
    matter = {path.partition(".")[0] for path in salience.telling(ticket.args, salient)}
    return len(changed) * 2 > len(keys) or not matter.isdisjoint(changed)


def _bars_editor(terms: Mapping[str, Any], risk: str) -> bool:
    said = terms.get("bar_editor")
    return risk in EDITOR_BARRED if said is None else bool(said)


def _is_early(ticket: Ticket, stricter: Terms | None, editor: User) -> bool:
    """Would the editor's turn to sign this version come only later?"""
    asked = stricter.requirements if stricter else ticket.requirements.values_list("group__name", "needed")
    needs = [quorum.Need(group=group, needed=needed) for group, needed in asked]
    in_sequence = stricter.in_sequence if stricter else ticket.in_sequence
    return in_sequence and not quorum.may_begin(needs, set(editor.groups.values_list("name", flat=True)))


def _confirmation(ticket: Ticket, args: dict[str, Any], terms: Mapping[str, Any]) -> str:
    return confirmations.filled(str(terms.get("confirm", "")), action=ticket.action, args=args)[0]


def _asks(ticket: Ticket, stricter: Terms) -> Iterator[str]:
    if RISK_ORDER[Risk(stricter.risk)] < RISK_ORDER[Risk(ticket.risk)]:
        yield f"This edit raises the risk from {ticket.risk} to {stricter.risk}: “{stricter.name}” applies."
    needed = dict(stricter.requirements)
    if needed != {asked.group.name: asked.needed for asked in ticket.requirements.all()}:
        yield f"It then has to be signed by {policy_words.signers(needed)}."
    if stricter.gate == Gate.MANUAL and ticket.gate != Gate.MANUAL:
        yield "Whoever signs it types what it says."
