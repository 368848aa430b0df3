"""What a message says: how risky it is, which tool, by when, and a link. Never the arguments, unless the place is safe.

A name of a tool may be an agent's word, and services read marks, names and addresses in a text: none gets through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from django.conf import settings

from approvals import masks, wording
from approvals.models import Notice, Ticket
from approvals.states import NoticeKind

#: More are only counted.
LISTED = 20
LONG = 60
ARGS_LONG = 1_500
#: What services read as a mention, a link, a tag or a mark of their own.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "@": "＠", "[": "(", "]": ")", "`": "'", "*": "∗", "|": "¦"})
#: A dot inside a name or an address: chats make a link of `evil.com` that nobody marked as one. A number keeps its own.
_DOT = re.compile(r"(?<=\S)\.(?=[^\W\d_]|\d+\.\d)")


def subject(notices: Sequence[Notice]) -> str:
    """One line: the sentence of the only one, or how many there are."""
    if len(notices) == 1:
        return f"Countersign: {_sentence(notices[0])}"
    if all(notice.kind == NoticeKind.STUCK for notice in notices):
        return f"Countersign: {len(notices)} tickets that nobody can sign"
    return f"Countersign: {len(notices)} messages"


def text(notices: Sequence[Notice], *, shows_args: bool) -> str:
    """A sentence and a link for each, the latest last."""
    parts = [_part(notice, shows_args=shows_args) for notice in notices[:LISTED]]
    rest = len(notices) - LISTED
    more = [f"and {rest} more, in the inbox: {settings.PUBLIC_URL}/"] if rest > 0 else []
    return "\n\n".join([*parts, *more, "Whoever follows a link signs in first; opening one decides nothing."]) + "\n"


def _part(notice: Notice, *, shows_args: bool) -> str:
    ticket = notice.ticket
    if ticket is None:
        return f"{_sentence(notice)}\n{settings.PUBLIC_URL}/settings/notifications/"
    lines = [_sentence(notice), f"{settings.PUBLIC_URL}{ticket.get_absolute_url()}"]
    if shows_args:
        lines.append(harmless(json.dumps(masks.value(ticket.args), ensure_ascii=False), ARGS_LONG))
    return "\n".join(lines)


def _sentence(notice: Notice) -> str:
    ticket = notice.ticket
    if ticket is None:
        return "This is a test message. Countersign can reach you here."
    what = f"{ticket.get_risk_display()}: {harmless(ticket.action, LONG)}"
    until = f", until {ticket.deadline_at:%d %B %H:%M} UTC" if ticket.deadline_at else ""
    match NoticeKind(notice.kind):
        case NoticeKind.OPENED:
            return f"{what} waits for a decision{until}."
        case NoticeKind.ESCALATED:
            return f"{what} was escalated to {harmless(ticket.escalated_to, LONG) or 'another group'}{until}."
        case NoticeKind.EXPIRING:
            return f"{what} is about to expire{until}."
        case NoticeKind.DECIDED:
            return f"{what}: {_outcome(ticket)}."
        case NoticeKind.DOUBT:
            return f"{what}: nobody knows whether it happened; somebody must look."
        case NoticeKind.STUCK:
            return f"{what}: {ticket.shortage} Put more people into the groups, or change the policy."
    return what


def _outcome(ticket: Ticket) -> str:
    """How it ended; "timed out" is never told as a rejection by a person."""
    return ticket.get_outcome_display().lower()


def harmless(words: str, longest: int) -> str:
    """The words on one line, cut, with nothing in them that a service would follow, mention or draw."""
    shown = "".join(piece for _, piece in wording.pieces(" ".join(words.split())))
    shown = _DOT.sub("·", shown.translate(_HARMLESS).replace("://", ":⁄⁄"))
    return shown if len(shown) <= longest else f"{shown[:longest]}… ({len(shown):,} characters)"
