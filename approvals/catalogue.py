"""The administrators' cards of actions: which one is about an action, and the only writer of them.

A condition may read the risk that a card names, so each change is checked and recorded as a policy's is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import audit, cards
from approvals.contract import Card, ProposedAction
from approvals.models import ActionCard

STREAM = "system/card"
KEYS = ("position", "graph", "action", "title", "salient", "reversible", "undo", "environment", "risk")


def rows() -> list[ActionCard]:
    """All cards in the order in which they are tried. One query."""
    return list(ActionCard.objects.all())


def known(action: ProposedAction, *, graph: str, among: Sequence[ActionCard]) -> ProposedAction:
    """The action with all that is known of it: the first card about it, over what its own side claims."""
    own = next((row for row in among if _is_about(row, action.action, graph)), None)
    return replace(action, card=cards.in_force(card_of(own) if own else None, action.card))


def card_of(row: ActionCard) -> Card:
    """What a row says."""
    return cards.claimed({key: getattr(row, key) for key in KEYS[3:]})


def save(row: ActionCard, *, actor: User | None) -> None:
    """Put a card in force. Raises cards.BadCard where it makes no sense, and then changes nothing."""
    cards.read({key: getattr(row, key) for key in KEYS[3:]})
    with transaction.atomic():
        before = _body(ActionCard.objects.select_for_update().filter(pk=row.pk).first())
        row.save()
        if before != _body(row):
            audit.append("card.changed", stream=STREAM, actor=actor, card=row.pk, before=before, after=_body(row))


def delete(row: ActionCard, *, actor: User | None) -> None:
    """Take a card out of force. Tickets keep what they were opened with."""
    with transaction.atomic():
        before, number = _body(row), row.pk
        row.delete()
        audit.append("card.deleted", stream=STREAM, actor=actor, card=number, before=before)


def _is_about(row: ActionCard, action: str, graph: str) -> bool:
    return fnmatchcase(graph, row.graph) and fnmatchcase(action, row.action)


def _body(row: ActionCard | None) -> dict[str, Any] | None:
    return {key: getattr(row, key) for key in KEYS} if row else None
