"""The list of cells. A cell is a function of a lane with a sentence for a name; it raises when a promise is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.lanes import Lane

Act = Callable[[Lane], None]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fault at one moment."""

    #: The moments of the matrix, m1 to m12.
    moment: str
    fault: str
    act: Act
    #: Does it stop Postgres, so that it needs the server that nobody else stands on?
    shakes: bool = False

    def __str__(self) -> str:
        return f"{self.moment}: {self.fault}"


CELLS: list[Cell] = []


def cell(moment: str, fault: str, *, shakes: bool = False) -> Callable[[Act], Act]:
    """Put a function on the list."""

    def listed(act: Act) -> Act:
        CELLS.append(Cell(moment=moment, fault=fault, act=act, shakes=shakes))
        return act

    return listed
