"""Where the boxes and arrows of a graph's picture go. Pure: names and edges in, places out.

grandalf ranks the nodes, orders each rank and finds the bends of long arrows; the ports where arrows
touch a box are ours, so that the two arrows of a loop never lie on one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.layouts import MARGIN, Box, Edge, Layout

#: Beyond this nobody reads a picture, and its layout would take seconds.
MOST_NODES, MOST_EDGES = 200, 300
HEAD = 7.0


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """One edge: the line and its head as SVG paths."""

    source: str
    target: str
    is_conditional: bool
    line: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Boxes and arrows on a sheet of this size."""

    width: float
    height: float
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]


def is_too_large(nodes: Sequence[str], edges: Sequence[Edge]) -> bool:
    """Is it better told in words?"""
    return len(nodes) > MOST_NODES or len(edges) > MOST_EDGES


@lru_cache(maxsize=128)
def draw(nodes: tuple[str, ...], edges: tuple[Edge, ...]) -> Picture:
    """Lay the graph out from top to bottom. Edges to nodes that are not there are left out."""
    known = set(nodes)
    drawn = [edge for edge in edges if known.issuperset(edge[:2])]
    layout = Layout(nodes, drawn)
    boxes = {name: layout.box(name) for name in nodes}
    arrows = tuple(_arrows(boxes, drawn, layout))
    return Picture(
        width=layout.width + 2 * MARGIN, height=layout.height + 2 * MARGIN, boxes=tuple(boxes.values()), arrows=arrows
    )


def _arrows(boxes: dict[str, Box], edges: Sequence[Edge], layout: Layout) -> Iterator[Arrow]:
    routes = {(s, t): _route(boxes, layout.bends.get((s, t), []), s, t) for s, t, _ in edges if s != t}
    ports = _ports(boxes, routes)
    for source, target, is_conditional in edges:
        if source == target:
            line, head = _loop(boxes[source])
        else:
            line, head = _curve(_ended(boxes, routes[source, target], ports, source, target))
        yield Arrow(source=source, target=target, is_conditional=is_conditional, line=line, head=head)


@dataclass(frozen=True, kw_only=True)
class _Route:
    """The bends between two boxes in order of travel, and whether it goes down."""

    bends: Sequence[tuple[float, float]]
    is_down: bool


def _route(boxes: dict[str, Box], bends: Sequence[tuple[float, float]], source: str, target: str) -> _Route:
    is_down = boxes[source].y < boxes[target].y
    return _Route(bends=bends if is_down else list(reversed(bends)), is_down=is_down)


def _ports(boxes: dict[str, Box], routes: dict[tuple[str, str], _Route]) -> dict[tuple[str, str, str], float]:
    """Where each arrow touches each of its boxes: spread over the side, in the order of where they come from."""
    sides: dict[tuple[str, bool], list[tuple[float, bool, tuple[str, str]]]] = defaultdict(list)
    for (source, target), route in routes.items():
        leaves = route.bends[0][0] if route.bends else boxes[target].middle
        comes = route.bends[-1][0] if route.bends else boxes[source].middle
        sides[source, route.is_down].append((leaves, not route.is_down, (source, target)))
        sides[target, not route.is_down].append((comes, not route.is_down, (source, target)))
    ports = {}
    for (name, _is_bottom), touching in sides.items():
        for place, (_, _, pair) in enumerate(sorted(touching), start=1):
            ports[name, *pair] = boxes[name].x + boxes[name].width * place / (len(touching) + 1)
    return ports


def _ended(
    boxes: dict[str, Box], route: _Route, ports: dict[tuple[str, str, str], float], source: str, target: str
) -> list[tuple[float, float]]:
    above, below = (source, target) if route.is_down else (target, source)
    bottom, top = boxes[above].y + boxes[above].height, boxes[below].y
    begin, end = (bottom, top) if route.is_down else (top, bottom)
    return [(ports[source, source, target], begin), *route.bends, (ports[target, source, target], end)]


def _curve(points: Sequence[tuple[float, float]]) -> tuple[str, str]:
    """A line that is upright at every point, and its head."""
    (x, y), (end_x, end_y) = points[0], points[-1]
    step = HEAD if end_y > points[-2][1] else -HEAD
    stops = [*points[1:-1], (end_x, end_y - step)]
    line = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in stops:
        half = (y + to_y) / 2
        line.append(f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    side = HEAD / 2
    return " ".join(line), f"M{end_x - side:.1f} {end_y - step:.1f}h{HEAD:.1f}L{end_x:.1f} {end_y:.1f}Z"


def _loop(box: Box) -> tuple[str, str]:
    """A node that leads to itself, inside its own right edge so that nothing else is moved."""
    x, y = box.x + box.width, box.y + box.height / 2
    line = f"M{x:.1f} {y - 9:.1f}C{x + 20:.1f} {y - 14:.1f} {x + 20:.1f} {y + 14:.1f} {x + HEAD:.1f} {y + 9:.1f}"
    return line, f"M{x + HEAD:.1f} {y + 5.5:.1f}v{HEAD:.1f}L{x:.1f} {y + 9:.1f}Z"
