"""What a message says: how risky it is, which tool, who asks, by when, a link. Never the arguments, unless it is safe.

A name of a tool may be an agent's word, and one of a person anything, and services read marks, names and addresses in
a text: none gets through.
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
#: Messages that wait for somebody's word.
ASKING = {NoticeKind.OPENED, NoticeKind.ESCALATED, NoticeKind.EXPIRING}
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
    """Who asked, by when, and a link for each, the latest last; which one it is about, where the subject says not."""
    parts = [_part(notice, is_alone=len(notices) == 1, shows_args=shows_args) for notice in notices[:LISTED]]
    rest = len(notices) - LISTED
    more = [f"and {rest} more, in the inbox: {settings.PUBLIC_URL}/"] if rest > 0 else []
    return "\n\n".join([*parts, *more, "Whoever follows a link signs in first; opening one decides nothing."]) + "\n"


def _part(notice: Notice, *, is_alone: bool, shows_args: bool) -> str:
    ticket = notice.ticket
    if ticket is None:
        return f"Your own channels: {settings.PUBLIC_URL}/settings/notifications/"
    lines = [] if is_alone else [_sentence(notice)]
    lines.append(f"{_origin(ticket)}{_until(notice, ticket)}")
    lines.append(f"{settings.PUBLIC_URL}{ticket.get_absolute_url()}")
    if shows_args:
        lines.append(harmless(json.dumps(masks.value(ticket.args), ensure_ascii=False), ARGS_LONG))
    return "\n".join(lines)


def _origin(ticket: Ticket) -> str:
    graph = harmless(ticket.graph, LONG)
    if ticket.requester is None:
        return f"Asked by the agent {graph}."
    return f"Asked by {harmless(ticket.requester.get_username(), LONG)} through the agent {graph}."


def _until(notice: Notice, ticket: Ticket) -> str:
    """By when somebody has to decide, in the clock that all recipients can reckon with."""
    if notice.kind not in ASKING or ticket.deadline_at is None:
        return ""
    return f" It waits until {ticket.deadline_at:%d %B %H:%M} UTC."


def _sentence(notice: Notice) -> str:
    ticket = notice.ticket
    if ticket is None:
        return "this is a test message, and you can be reached here"
    what = f"{ticket.get_risk_display()}: {harmless(ticket.action, LONG)}"
    match NoticeKind(notice.kind):
        case NoticeKind.OPENED:
            return f"{what} waits for a decision"
        case NoticeKind.ESCALATED:
            return f"{what} was escalated to {harmless(ticket.escalated_to, LONG) or 'another group'}"
        case NoticeKind.EXPIRING:
            return f"{what} is about to expire"
        case NoticeKind.DECIDED:
            return f"{what}: {_outcome(ticket)}"
        case NoticeKind.DOUBT:
            return f"{what}: nobody knows whether it happened; somebody must look"
        case NoticeKind.STUCK:
            return f"{what}: {ticket.shortage} Put more people into the groups, or change the policy"
    return what


def _outcome(ticket: Ticket) -> str:
    """How it ended; "timed out" is never told as a rejection by a person."""
    return ticket.get_outcome_display().lower()


def harmless(words: str, longest: int) -> str:
    """The words on one line, cut, with nothing in them that a service would follow, mention or draw."""
    shown = "".join(piece for _, piece in wording.pieces(" ".join(words.split())))
    shown = _DOT.sub("·", shown.translate(_HARMLESS).replace("://", ":⁄⁄"))
    return shown if len(shown) <= longest else f"{shown[:longest]}… ({len(shown):,} characters)"
