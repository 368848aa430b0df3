"""Figures as bars. Only numbers are worked out here; a template draws them, with no style of its own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Units of the drawing: its width, the height of a line, and what a column may take.
WIDTH, LINE, TALL = 600.0, 20.0, 120.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One rectangle, and what it stands for."""

    name: str
    count: int
    x: float
    y: float
    width: float
    height: float
    kind: str = ""

    @property
    def middle(self) -> float:
        """Where a word about a column stands."""
        return round(self.x + self.width / 2, 2)

    @property
    def above(self) -> float:
        """Just over a column."""
        return round(self.y - 3, 2)


def columns(counts: Sequence[int]) -> list[Bar]:
    """One column for each, the tallest as high as the drawing."""
    most, step = max([*counts, 1]), WIDTH / max(len(counts), 1)
    heights = [round(TALL * count / most, 2) for count in counts]
    return [
        Bar(name=str(n), count=count, x=round(n * step + 1, 2), y=TALL - high, width=round(step - 2, 2), height=high)
        for n, (count, high) in enumerate(zip(counts, heights, strict=True))
    ]


def stacked(rows: Sequence[Sequence[tuple[str, int]]]) -> list[list[Bar]]:
    """Each row a drawing of its own: a line of parts, as long as its share of the longest row."""
    most = max((sum(count for _, count in row) for row in rows), default=0) or 1
    return [_line(row, most=most) for row in rows]


def _line(parts: Sequence[tuple[str, int]], *, most: int) -> list[Bar]:
    bars, x = [], 0.0
    for name, count in parts:
        width = round(WIDTH * count / most, 2)
        if count:
            bars.append(Bar(name=name, count=count, x=round(x, 2), y=0.0, width=width, height=LINE, kind=name))
        x += width
    return bars
