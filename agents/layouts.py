"""What nodes are called and where their boxes and the bends of their arrows go: grandalf's part of a picture. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grandalf.graphs import Edge as LayoutEdge
from grandalf.graphs import Graph, Vertex
from grandalf.layouts import SugiyamaLayout

from approvals import wording

START, END = "__start__", "__end__"
MARGIN = 20.0
BOX_HEIGHT, GROUP_HEIGHT = 38.0, 14.0
LETTER, PADDING, NARROWEST = 7.8, 44.0, 76.0
LONGEST_LABEL = 32
GAP_ACROSS, GAP_DOWN, BEND_WIDTH = 28, 46, 14

#: Source, target and whether the graph decides there.
Edge = tuple[str, str, bool]


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


class Layout:
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


def _letters(text: str) -> float:
    """How wide it is, in letters of the Latin alphabet."""
    return float(sum(_width(text)))


def _width(text: str) -> Iterable[float]:
    return (1.9 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in text)
