"""How much care an approval in the browser takes: the higher the risk, the more of the very values is touched.

To refuse or to answer takes none: saying no is the safe side. A program looks at no page: over the API it says
what the manual gate asks for, which `decisions.record` checks, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approvals.errors import CareMissing, SignInAgain
from approvals.states import Gate, Risk

if TYPE_CHECKING:
    from approvals.models import Ticket

CAREFUL = frozenset({Risk.HIGH, Risk.CRITICAL})


@dataclass(frozen=True, kw_only=True)
class Care:
    """What an approval takes beside the click."""

    #: A page of its own with everything on it unfolded, and the line that names what was checked.
    panel: bool
    reason: bool
    sign_in: bool


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What the reviewer did. `seconds`: since the whole of it was shown to them; None: it was not."""

    seconds: float | None
    is_second: bool
    checked: bool
    reason: str
    signed_in_lately: bool


NONE = Care(panel=False, reason=False, sign_in=False)


def of(policy: Mapping[str, Any], *, risk: str, gate: str) -> Care:
    """What the risk and the gate ask for, where the policy says nothing else."""
    return Care(
        panel=risk in CAREFUL or gate == Gate.MANUAL,
        reason=asks_reason(policy.get("ask_reason"), risk=risk, gate=gate),
        sign_in=asks_sign_in(policy.get("ask_sign_in"), risk=risk, gate=gate),
    )


def of_ticket(ticket: Ticket) -> Care:
    """What an approval of this ticket takes, as it was weighed."""
    return of(ticket.policy, risk=ticket.risk, gate=ticket.gate)


def asks_reason(said: bool | None, *, risk: str, gate: str) -> bool:
    """Does whoever approves write why?"""
    return risk in CAREFUL or gate == Gate.MANUAL if said is None else said


def asks_sign_in(said: bool | None, *, risk: str, gate: str) -> bool:
    """Has whoever approves to have signed in a short while ago?"""
    return risk == Risk.CRITICAL or gate == Gate.MANUAL if said is None else said


def check(care: Care, taken: Taken, *, at_least: float) -> None:
    """Raises SignInAgain or CareMissing for what was left out, or for less than `at_least` seconds of looking."""
    if care.sign_in and not taken.signed_in_lately:
        raise SignInAgain
    if care.panel and taken.seconds is None:
        raise CareMissing("Look at the whole of it before you approve it.")
    if missing := list(_missing(care, taken)):
        raise CareMissing(missing[0][1], errors=missing)
    if care.panel and not taken.is_second and (taken.seconds or 0) < at_least:
        raise CareMissing("That was quick. Look once more at what you checked, then approve it.", is_quick=True)


def _missing(care: Care, taken: Taken) -> Iterator[tuple[str, str]]:
    """(id of the field, sentence) for each thing."""
    if care.panel and not taken.checked:
        yield "checked", "Say that you checked these values."
    if care.reason and not taken.reason.strip():
        yield "reason", "Write why: the others and the record need it."
