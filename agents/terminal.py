"""A run in a terminal: plain lines, one for each change, or a picture that moves where there is a terminal.

What agents and graphs say is shown with every unseen character as its number, so that nobody's words
move the cursor or change a colour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management.base import OutputWrapper
from django.utils import timezone

from agents import layouts
from agents.following import Look, View
from agents.history import Step
from agents.models import Run, RunStatus
from approvals import display, wording
from approvals.models import Ticket

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SHOWN_STEPS = 8


class Lines:
    """One plain line for each change."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out = out
        self.told: dict[str, str] = {}

    def show(self, look: Look) -> None:
        """Write what is new."""
        for step in look.steps:
            self._line(told(step))
        for ticket in look.tickets:
            self._once(f"ticket {ticket.pk}", f"ticket {ticket.pk}: {asked(ticket)}: {standing(ticket)}")
        self._once("run", status(look.run))

    def _once(self, about: str, words: str) -> None:
        if self.told.get(about) != words:
            self.told[about] = words
            self._line(words)

    def _line(self, words: str) -> None:
        self.out.write(f"{timezone.localtime():%H:%M:%S} {words}")
        self.out.flush()  # whoever reads a pipe wants it now


class Moving:
    """Status, the newest steps and the tickets, drawn again and again in the same place."""

    def __init__(self) -> None:
        self.look: Look | None = None
        self.steps: deque[Step] = deque(maxlen=SHOWN_STEPS)

    def show(self, look: Look) -> None:
        """Remember it for the next time it is drawn."""
        self.steps.extend(look.steps)
        self.look = look

    def drawn(self) -> Group:
        """What the terminal shows now; the countdowns run on between two looks."""
        from rich.console import Group
        from rich.text import Text

        if self.look is None:
            return Group(Text("Starting…", style="dim"))
        head = Text(f"{self.look.run.graph} {self.look.run.thread_id}: ", style="bold")
        head.append(status(self.look.run), style=style(self.look.run))
        steps = [Text(f"  {step.at:%H:%M:%S}  {told(step)}", style="dim") for step in self.steps]
        return Group(head, *steps, *([_table(self.look.tickets)] if self.look.tickets else []))


STYLES = {
    RunStatus.SUCCEEDED: "green",
    RunStatus.FAILED: "red",
    RunStatus.REJECTED: "red",
    RunStatus.PAUSED: "yellow",
}


@contextmanager
def shown_on(out: OutputWrapper, *, is_terminal: bool, is_error: bool) -> Iterator[View]:
    """The view that fits where the words go; it is over when the block is."""
    if not is_terminal:
        yield Lines(out)
        return
    from rich.console import Console  # only a terminal needs it
    from rich.live import Live

    moving = Moving()
    with Live(get_renderable=moving.drawn, console=Console(stderr=is_error), refresh_per_second=4):
        yield moving


def status(run: Run) -> str:
    """Where the run stands, in the words of its page."""
    if run.is_for_nothing:
        return "ended, nothing approved"
    places = run.waiting_at if run.status == RunStatus.PAUSED else []
    stands = run.standing
    if stands != run.status:
        return f"{stands}: people are asked what became of an action"
    return f"{stands} at {wording.listed([layouts.way(place) for place in places])}" if places else stands.value


def style(run: Run) -> str:
    """The colour of where it stands; what came to nothing is no success."""
    return "" if run.is_for_nothing else STYLES.get(run.standing, "")


def told(step: Step) -> str:
    """What happened in a step and what it changed."""
    return f"{step.words}; changed {wording.visible(', '.join(step.changed))}" if step.changed else step.words


def asked(ticket: Ticket) -> str:
    """What a ticket asks for."""
    return wording.visible(display.headline(ticket))


def standing(ticket: Ticket) -> str:
    """Who must still sign and where, or how it ended."""
    if not ticket.is_open:
        return display.ending(ticket)
    return f"{_signers(ticket)}, {_until(ticket)}, {url(ticket)}"


def url(ticket: Ticket) -> str:
    """Where people decide it."""
    return f"{settings.PUBLIC_URL}{ticket.get_absolute_url()}"


def _signers(ticket: Ticket) -> str:
    signatures = display.signatures(ticket)
    open_places = [f"{len(place.open)} of {place.group}" for place in signatures.places if place.open]
    return f"{signatures.given} of {signatures.needed} signed, waits for {wording.listed(open_places)}"


def _until(ticket: Ticket) -> str:
    return f"until {timezone.localtime(ticket.deadline_at):%d %b %H:%M}" if ticket.deadline_at else "no deadline"


def _left(ticket: Ticket) -> str:
    if not ticket.is_open or ticket.deadline_at is None:
        return ""
    left = ticket.deadline_at - timezone.now()
    return wording.span(left) if left.total_seconds() > 0 else "over"


def _table(tickets: list[Ticket]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2), show_edge=False)
    for heading in ("ticket", "asks", "stands", "left"):
        table.add_column(heading, overflow="fold")
    for ticket in tickets:
        stands = f"{_signers(ticket)}\n{url(ticket)}" if ticket.is_open else display.ending(ticket)
        table.add_row(str(ticket.pk), Text(asked(ticket)), Text(stands), _left(ticket))
    return table
