"""Answers that others have given and that one may give too, where all who sign must give the same one."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import User

from approvals.models import Ticket
from approvals.states import DecisionType


@dataclass(kw_only=True)
class Given:
    """One answer, in its exact words, and who has given it."""

    words: str
    names: list[str] = field(default_factory=list)


def open_to(reader: User, ticket: Ticket, *, blind: bool) -> list[Given]:
    """What this reader may join in, the first given first; nothing where they must not know it. No query."""
    if blind or not ticket.is_open or not ticket.answer_releases or ticket.answer_schema:
        return []
    found: dict[str, Given] = {}
    for vote in sorted(ticket.decisions.all(), key=lambda vote: vote.pk):
        stands = vote.type == DecisionType.RESPOND and vote.stands(ticket.revision) and vote.reviewer.is_active
        if stands and vote.message == vote.message.strip():  # a form brings no others
            found.setdefault(vote.message, Given(words=vote.message)).names.append(vote.reviewer.get_username())
    return [given for given in found.values() if reader.get_username() not in given.names]
