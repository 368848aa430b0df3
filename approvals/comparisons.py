"""Several tickets side by side: what is the same in all of them, and where they differ. No query of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from approvals import masks, wording
from approvals.models import Ticket

#: A value longer than this is folded, and says how long it is.
FOLDED = 200


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One value, whole."""

    label: str
    text: str

    @property
    def fold(self) -> str:
        """What stands for a long value until it is opened; empty for a short one."""
        return wording.counted(len(self.text), "character") if len(self.text) > FOLDED else ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The arguments that all share, and a row of the others for each ticket."""

    same: list[Cell]
    labels: list[str]
    rows: list[tuple[Ticket, list[Cell]]]


def of(tickets: Sequence[Ticket]) -> Comparison:
    """Compare the current arguments, name by name."""
    args = [masks.value(ticket.args) for ticket in tickets]
    names = list(dict.fromkeys(name for each in args for name in each))
    shared = [name for name in names if all(name in each and wording.same(each[name], args[0][name]) for each in args)]
    other = [name for name in names if name not in shared]
    return Comparison(
        same=[_cell(name, args[0]) for name in shared],
        labels=[wording.words_of(name) for name in other],
        rows=[(ticket, [_cell(name, each) for name in other]) for ticket, each in zip(tickets, args, strict=True)],
    )


def _cell(name: str, args: dict[str, Any]) -> Cell:
    value = args.get(name)
    text = "–" if name not in args else value if isinstance(value, str) and value.strip() else wording.as_json(value)
    return Cell(label=wording.words_of(name), text=text)
