"""A decision from a chat or from a program of one's own: a signed message about somebody whom we know.

The signature says who sent the message, the linked account whose word it is; every rule of the pages holds. What is of
high or critical risk, or asks for care, is decided on the page alone, where all of it can be seen.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals import decisions, friction
from approvals.audit import acting
from approvals.contract import NewDecision
from approvals.errors import (
    DecisionNotAllowed,
    InvalidSignature,
    OnlyOnThePage,
    Replayed,
    TicketNotFound,
    UnknownAccount,
)
from approvals.models import InboundMessage, LinkedAccount, Ticket
from approvals.states import Channel, DecisionType

#: A message is taken this long before and after its time, and once.
WINDOW = timedelta(minutes=5)
#: An edit needs to be seen.
TAKEN = frozenset({DecisionType.APPROVE, DecisionType.REJECT, DecisionType.RESPOND})


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came in: whose account says what about which ticket."""

    account: str
    ticket_id: int
    type: str
    digest: str
    message: str = ""


def check(secret: str, *, timestamp: str, signed: bytes, signature: str) -> None:
    """Raises InvalidSignature where it is not signed with the secret, or not now. No secret: nothing is taken."""
    if not secret or not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        raise InvalidSignature
    if abs(time.time() - int(timestamp)) > WINDOW.total_seconds():
        raise InvalidSignature
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise InvalidSignature


def decide(said: Said, *, via: Channel, signature: str) -> Ticket:
    """Record the word of the person behind the account. Raises an ApprovalError and changes nothing."""
    person = _person(said.account, via)
    ticket = Ticket.objects.visible_to(person).filter(pk=said.ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    if said.type not in TAKEN:
        raise DecisionNotAllowed(type=said.type)
    with acting.through(via.value), transaction.atomic():
        _once(signature)
        _check_is_for_chat(Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk))
        # The message with the button was written when nothing had been taken back.
        words = NewDecision(type=said.type, digest=said.digest, message=said.message, taken_back=0)
        return decisions.record(ticket.pk, reviewer=person, decision=words, via=via)


def _person(account: str, via: Channel) -> User:
    linked = LinkedAccount.objects.select_related("user").filter(channel=via, account=account, user__is_active=True)
    found = linked.first()
    if found is None:
        raise UnknownAccount
    return found.user


def _once(signature: str) -> None:
    """The same message is not taken twice: what was taken back meanwhile would be said again."""
    InboundMessage.objects.filter(at__lt=Now() - 3 * WINDOW).delete()
    _, is_new = InboundMessage.objects.get_or_create(digest=hashlib.sha256(signature.encode()).hexdigest())
    if not is_new:
        raise Replayed


def _check_is_for_chat(ticket: Ticket) -> None:
    if friction.of_ticket(ticket) != friction.NONE:
        raise OnlyOnThePage
