"""Where the boxes and arrows of a graph's picture go. Pure: names and edges in, places out.

grandalf ranks the nodes, orders each rank and finds the bends of long arrows; the ports where arrows
touch a box are ours, so that the two arrows of a loop never lie on one another.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grandalf.graphs import Edge as LayoutEdge
from grandalf.graphs import Graph, Vertex
from grandalf.layouts import SugiyamaLayout

from approvals import wording

START, END = "__start__", "__end__"
#: Beyond this nobody reads a picture, and its layout would take seconds.
MOST_NODES, MOST_EDGES = 200, 300
MARGIN = 20.0
BOX_HEIGHT, GROUP_HEIGHT = 38.0, 14.0
LETTER, PADDING, NARROWEST = 7.8, 44.0, 76.0
LONGEST_LABEL = 32
GAP_ACROSS, GAP_DOWN, BEND_WIDTH = 28, 46, 14
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
class Box:
    """One node, by its upper left corner."""

    name: str
    label: str
    #: The subgraph it belongs to; empty at the top level.
    group: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Where its words are centred."""
        return self.x + self.width / 2

    @property
    def is_edge(self) -> bool:
        """Is it the start or the end rather than a node that runs?"""
        return self.name in {START, END}

    @property
    def mark(self) -> tuple[float, float]:
        """The corner of the small drawing beside its name, 12 wide and high."""
        return self.x + 8, self.label_line - 10.5

    @property
    def group_line(self) -> float:
        """The base line of its subgraph's name."""
        return self.y + 17

    @property
    def label_line(self) -> float:
        """The base line of its own name."""
        return self.y + self.height - 14


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Boxes and arrows on a sheet of this size."""

    width: float
    height: float
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]


#: Source, target and whether the graph decides there.
Edge = tuple[str, str, bool]


def is_too_large(nodes: Sequence[str], edges: Sequence[Edge]) -> bool:
    """Is it better told in words?"""
    return len(nodes) > MOST_NODES or len(edges) > MOST_EDGES


@lru_cache(maxsize=128)
def draw(nodes: tuple[str, ...], edges: tuple[Edge, ...]) -> Picture:
    """Lay the graph out from top to bottom. Edges to nodes that are not there are left out."""
    known = set(nodes)
    drawn = [edge for edge in edges if known.issuperset(edge[:2])]
    layout = _Layout(nodes, drawn)
    boxes = {name: layout.box(name) for name in nodes}
    arrows = tuple(_arrows(boxes, drawn, layout))
    return Picture(
        width=layout.width + 2 * MARGIN, height=layout.height + 2 * MARGIN, boxes=tuple(boxes.values()), arrows=arrows
    )


def label(name: str) -> str:
    """A node's own name as a box holds it."""
    return _cut(way(name).rpartition(" › ")[2])


def group(name: str) -> str:
    """The subgraphs around a node as a box holds them."""
    return _cut(way(name).rpartition(" › ")[0])


def way(name: str) -> str:
    """A node's whole name for people, "team › pay"; what cannot be seen is shown by its number."""
    if name in {START, END}:
        return "start" if name == START else "end"
    return " › ".join(wording.visible(part) for part in name.split(":"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


class _Size:
    """What grandalf wants to know of a vertex; it writes the centre into `xy`."""

    def __init__(self, name: str) -> None:
        widest = max(_letters(label(name)), _letters(group(name)) * 0.85)
        self.w = max(NARROWEST, PADDING + LETTER * widest)
        self.h = BOX_HEIGHT + (GROUP_HEIGHT if group(name) else 0.0)
        self.xy = (0.0, 0.0)


class _Vertex(Vertex):
    """A vertex whose place in grandalf's sets does not hang on its address: every process draws one picture."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name)
        self.number = number

    def __hash__(self) -> int:
        return self.number


class _Link(LayoutEdge):
    """An edge, likewise."""

    def __init__(self, source: _Vertex, target: _Vertex, number: int) -> None:
        self.number = number
        super().__init__(source, target)

    def __hash__(self) -> int:
        return self.number


class _Layout:
    """The centres of all nodes and the bends of all long edges, moved to where both axes begin at MARGIN."""

    def __init__(self, nodes: Sequence[str], edges: Sequence[Edge]) -> None:
        vertices = {name: _Vertex(name, number) for number, name in enumerate(nodes)}
        for name, vertex in vertices.items():
            vertex.view = _Size(name)
        pairs = dict.fromkeys((source, target) for source, target, _ in edges if source != target)
        links = [_Link(vertices[source], vertices[target], n) for n, (source, target) in enumerate(pairs)]
        self.sizes: dict[str, _Size] = {name: vertex.view for name, vertex in vertices.items()}
        self.bends: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self.width = self.height = 0.0
        for part in Graph(list(vertices.values()), links).C:
            self._place(part)

    def box(self, name: str) -> Box:
        """The node where it was placed."""
        size = self.sizes[name]
        x, y = size.xy[0] - size.w / 2, size.xy[1] - size.h / 2
        return Box(name=name, label=label(name), group=group(name), x=x, y=y, width=size.w, height=size.h)

    def _place(self, part: object) -> None:
        """Lay out one connected part, to the right of those before it."""
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace, layout.dw, layout.dh = GAP_ACROSS, GAP_DOWN, BEND_WIDTH, BOX_HEIGHT
        layout.init_all(roots=_roots(layout.g))
        layout.draw(3)
        views = [vertex.view for rank in layout.layers for vertex in rank]
        across = MARGIN + (self.width + GAP_ACROSS if self.width else 0.0) - min(v.xy[0] - v.w / 2 for v in views)
        down = MARGIN - min(v.xy[1] - v.h / 2 for v in views)
        for view in views:
            view.xy = (view.xy[0] + across, view.xy[1] + down)
        self.width = max(v.xy[0] + v.w / 2 for v in views) - MARGIN
        self.height = max(self.height, max(v.xy[1] + v.h / 2 for v in views) - MARGIN)
        for edge, bends in layout.ctrls.items():
            ends = {edge.v[0], edge.v[1]}
            self.bends[edge.v[0].data, edge.v[1].data] = sorted(
                (v.view.xy for v in bends.values() if v not in ends), key=lambda xy: xy[1]
            )


def _roots(part: object) -> list[Vertex]:
    """Where to begin: the start, else what nothing leads to, else anything."""
    vertices = list(part.sV)  # type: ignore[attr-defined]
    sources = [v for v in vertices if not v.e_in()]
    return [v for v in vertices if v.data == START] or sources or vertices[:1]


def _arrows(boxes: dict[str, Box], edges: Sequence[Edge], layout: _Layout) -> Iterator[Arrow]:
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


def _letters(text: str) -> float:
    """How wide it is, in letters of the Latin alphabet."""
    return float(sum(_width(text)))


def _width(text: str) -> Iterable[float]:
    return (1.9 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)
