"""A run's graph, with what is known of the run marked in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agents import layouts, pictures
from agents.models import GraphDrawing, Run, RunStatus

WAITING, FAILED, DONE = "waiting", "failed", "done"
WORDS = {WAITING: "waits here", FAILED: "failed here", DONE: "has run"}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node in words."""

    name: str
    #: waiting, failed, done, or empty.
    state: str
    #: Where it always leads, and where it leads if the graph decides so.
    always: list[str]
    sometimes: list[str]

    @property
    def words(self) -> str:
        """What happened to it."""
        return WORDS.get(self.state, "")


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """The picture, if it is not too large, and the same in words."""

    nodes: list[Node]
    states: dict[str, str]
    picture: pictures.Picture | None

    @property
    def boxes(self) -> list[tuple[layouts.Box, str]]:
        """Each box with what happened to its node."""
        return [(box, self.states.get(box.name, "")) for box in self.picture.boxes] if self.picture else []

    @property
    def here(self) -> tuple[float, float] | None:
        """The far corner of what somebody looks at first: the box that waits, or the one that failed."""
        corners = {state: (box.x + box.width, box.y + box.height) for box, state in reversed(self.boxes)}
        return corners.get(WAITING) or corners.get(FAILED)


def of(run: Run, *, done: Iterable[str] = (), failed: Iterable[str] = ()) -> Portrait | None:
    """The portrait, or None while no process has loaded this graph."""
    drawing = GraphDrawing.objects.filter(name=run.graph).first()
    if drawing is None or not drawing.nodes:
        return None
    names = tuple(drawing.nodes)
    edges = tuple((source, target, bool(decides)) for source, target, decides in drawing.edges)
    waiting = run.waiting_at if run.status == RunStatus.PAUSED else []
    marks = {DONE: done, FAILED: failed, WAITING: waiting}
    states = {_shown(place, names): state for state, places in marks.items() for place in places}
    return Portrait(
        nodes=[_node(name, edges, states.get(name, "")) for name in names],
        states=states,
        picture=None if pictures.is_too_large(names, edges) else pictures.draw(names, edges),
    )


def _node(name: str, edges: Collection[layouts.Edge], state: str) -> Node:
    ways: dict[bool, list[str]] = {False: [], True: []}
    for source, target, decides in edges:
        if source == name:
            ways[decides].append(layouts.way(target))
    return Node(name=layouts.way(name), state=state, always=ways[False], sometimes=ways[True])


def _shown(place: str, names: Collection[str]) -> str:
    """The node itself, or the nearest around it that the drawing shows."""
    while place not in names and ":" in place:
        place = place.rpartition(":")[0]
    return place
