"""What templates need to put facts into words; the words themselves are in `wording`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.forms import BoundField
from django.template import Context
from django.utils.safestring import SafeString, mark_safe

from approvals import answers, clock, deadlines, display, grants, icons, masks, policy_words, timeouts, wording
from approvals.models import Decision, Ticket
from approvals.states import OnTimeout

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small drawing beside a word; hidden from screen readers, the word says it."""
    return mark_safe(  # noqa: S308 - our own constants only
        '<svg class="badge__icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{icons.drawing(name)}</svg>'
    )


@register.filter
def visible(text: object) -> SafeString:
    """Escaped text in which what cannot be seen, or looks like something else, is marked and numbered;
    secrets are hidden."""
    return _drawn(wording.pieces("" if text is None else masks.text(str(text))))


@register.filter
def legible(text: object) -> str:
    """The same as plain text, for a title or a label, in which there are no marks."""
    return wording.visible(masks.text(str(text)))


@register.filter
def plain(secret: object) -> SafeString:
    """A secret that somebody asked to see, as `visible` draws any other text."""
    return _drawn(wording.pieces(secret if isinstance(secret, str) else wording.as_json(secret)))


@register.filter
def exact(name: str) -> SafeString:
    """A name in code, letter by letter: everything outside plain ASCII is marked and numbered."""
    return _drawn(wording.exact_pieces(name))


@register.filter
def is_plain(name: str) -> bool:
    """Is the name written in plain ASCII, so that it cannot pass for another?"""
    return name.isascii() and not any(map(wording.is_unseen, name))


def _drawn(pieces: Iterable[tuple[bool, str]]) -> SafeString:
    known: dict[tuple[bool, str], str] = {}  # a text made to be slow says the same many times
    return mark_safe("".join(known.get(piece) or known.setdefault(piece, _piece(*piece)) for piece in pieces))  # noqa: S308 - each piece was escaped


def _piece(is_marked: bool, text: str) -> str:
    return f'<span class="hidden-char">{escape(text)}</span>' if is_marked else escape(text)


@register.filter
def host(address: str) -> str:
    """Where a link of somebody else's leads; empty for what is no plain web address."""
    try:
        parts = urlsplit(address)
        is_plain = "@" not in parts.netloc and not any(map(str.isspace, address)) and masks.text(address) == address
        return (parts.hostname or "") if is_plain and parts.scheme in {"http", "https"} else ""
    except ValueError:
        return ""


@register.filter
def sentence(ticket: Ticket) -> str:
    """What will happen, drawn from the stored arguments."""
    return display.headline(ticket)


@register.filter
def words(name: str) -> str:
    """A name in code as words."""
    return wording.words_of(name)


@register.filter
def sentence_case(title: str) -> str:
    """`Two-Factor Authentication` as "Two-factor authentication"; capitals that are no title's stay."""
    return wording.sentence_case(title)


@register.filter
def argument_rows(ticket: Ticket) -> list[display.Row]:
    """The current arguments, for reading."""
    return display.ticket_rows(ticket)


@register.filter
def as_json(value: object) -> str:
    """Indented JSON without its secrets, escaped by the template."""
    return wording.as_json(masks.value(value), indent=2)


@register.filter
def in_short(value: object) -> str:
    """A value inside a sentence."""
    return wording.in_short(masks.value(value))


@register.filter
def remembered_for(ticket: Ticket) -> str:
    """`1 h` where an approval of this ticket may be remembered, else nothing."""
    seconds = grants.seconds_of(ticket)
    return policy_words.lasting(seconds) if seconds else ""


@register.filter
def running(told: dict[str, Any]) -> str:
    """A running total that a policy looked at; what it is added up by may be a secret."""
    shown = {
        name: masks.of(value) if masks.is_secret(name.split(".")) else masks.value(value)
        for name, value in told["by"].items()
    }
    return wording.running({**told, "by": shown})


@register.simple_tag
def database_time() -> str:
    """The clock by which deadlines are kept, for the page's own countdowns."""
    return clock.now().isoformat()


@register.filter
def until(moment: datetime) -> str:
    """`in 42 min`, or `2 h ago` when it is over."""
    return wording.until(moment, now=clock.now())


@register.filter
def ago(moment: datetime) -> str:
    """`2 h ago`, or `just now`."""
    return wording.ago(moment, now=clock.now())


@register.filter
def urgency(ticket: Ticket) -> str:
    """calm, soon, urgent or over."""
    return wording.urgency(ticket.deadline_at, now=clock.now())


@register.filter
def ahead(ticket: Ticket, blind: bool = False) -> timeouts.Ahead:
    """What the next deadline brings, as far as this reader knows."""
    return deadlines.ahead_of(ticket, blind=blind)


@register.filter
def runs_unless_stopped(ticket: Ticket, blind: bool = False) -> bool:
    """Does the next deadline let it run, as far as this reader knows?"""
    return deadlines.ahead_of(ticket, blind=blind).action == OnTimeout.APPROVE


@register.filter
def bars_editor(ticket: Ticket) -> bool:
    """Do the current arguments need somebody else than who changed them?"""
    return ticket.bars_editor


@register.filter
def rejections(ticket: Ticket) -> int:
    """How many have rejected the current version."""
    return display.rejections(ticket)


@register.filter
def is_held(ticket: Ticket) -> bool:
    """Is an approval still inside its recall window?"""
    return ticket.release_at is not None and ticket.release_at > clock.now()


@register.filter
def why_closed(ticket: Ticket) -> str:
    """Why the clock could do nothing else than close it, where its policy says something else."""
    return ticket.message.removeprefix(deadlines.TIMED_OUT).strip()


@register.filter
def best_guess(ticket: Ticket) -> str:
    """What the agent goes on with if nobody answers."""
    return answers.in_words(ticket.best_guess)


@register.filter
def span(seconds: int) -> str:
    """`2 h`."""
    return wording.span(timedelta(seconds=seconds))


@register.filter
def signatures(ticket: Ticket) -> display.Signatures:
    """Who must sign and who did."""
    return display.signatures(ticket, blind=ticket.is_blind)


@register.filter
def ending(ticket: Ticket) -> str:
    """How it ended, and by whom."""
    return display.ending(ticket)


@register.filter
def ended_by(ticket: Ticket) -> str:
    """`by alice and erin`, or nothing."""
    return display.ended_by(ticket)


@register.filter
def signed(ticket: Ticket) -> list[Decision]:
    """The signatures on a ticket that has ended."""
    return display.signed(ticket)


@register.simple_tag(takes_context=True)
def order(context: Context, ticket: Ticket) -> str:
    """What its list is sorted by for this reader, as text: see `by_urgency` and `resolved`."""
    return display.order(ticket, context.get("user"))


@register.filter
def input_class(field: BoundField) -> SafeString:
    """A form field with our class, and without a placeholder that repeats its label."""
    css = f"{field.field.widget.attrs.get('class', '')} field__input".strip()
    return field.as_widget(attrs={"class": css, "placeholder": ""})


@register.filter
def length_or_more(found: list[object], most: int) -> str:
    """`3`, or `50+` for a list that was cut."""
    return str(len(found)) if len(found) <= most else f"{most}+"


@register.filter
def nearest(found: list[Ticket]) -> Ticket | None:
    """The ticket with the nearest deadline: what was handed over or escalated stands before it in the list."""
    due = [ticket for ticket in found if ticket.deadline_at]
    return min(due, key=lambda ticket: ticket.deadline_at or clock.now(), default=None)


@register.filter
def names(signers: dict[str, list[str]], groups: list[str]) -> str:
    """`alice or bob`, never a long list."""
    found = list(dict.fromkeys(name for group in groups for name in signers.get(group, [])))
    if not found:
        return "nobody can sign here"
    shown, rest = found[:3], len(found) - 3
    return ", ".join([*shown, f"{rest} more"]) if rest > 0 else " or ".join(shown)


@register.filter
def void_votes(ticket: Ticket) -> list[Decision]:
    """Votes on older revisions, and those that were taken back: shown struck through."""
    return [vote for vote in ticket.decisions.all() if not vote.stands(ticket.revision)]


@register.filter
def percent(share: float) -> str:
    """`80 %`."""
    return f"{share * 100:.0f} %"


@register.filter
def is_text(value: object) -> bool:
    """Is this text rather than another JSON value?"""
    return isinstance(value, str)


@register.filter
def is_long(value: object) -> bool:
    """Will this scroll? Then the keyboard must reach it."""
    return isinstance(value, str) and (len(value) > 800 or value.count("\n") > 12)


@register.filter
def as_line(value: object) -> str:
    """JSON in one line, without its secrets."""
    return wording.as_json(masks.value(value))
