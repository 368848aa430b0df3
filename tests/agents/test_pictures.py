"""A graph as boxes and arrows: every node once, nothing on top of anything else, hostile names and all."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from grandalf.graphs import Vertex

from agents import layouts, pictures

LOOP = (("__start__", "plan", False), ("plan", "act", True), ("act", "plan", False), ("plan", "__end__", True))


def draw(nodes, edges):
    return pictures.draw(tuple(nodes), tuple(edges))


def overlap(one, two):
    across = one.x < two.x + two.width and two.x < one.x + one.width
    return across and one.y < two.y + two.height and two.y < one.y + one.height


def test_the_start_is_above_and_every_box_is_on_the_sheet():
    picture = draw(["__start__", "plan", "act", "__end__"], LOOP)
    assert min(picture.boxes, key=lambda box: box.y).label == "start"
    assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)
    assert all(box.y >= 0 and box.y + box.height <= picture.height for box in picture.boxes)


def test_the_two_arrows_of_a_loop_do_not_lie_on_one_another():
    arrows = {(a.source, a.target): a for a in draw(["__start__", "plan", "act", "__end__"], LOOP).arrows}
    down, up = arrows["plan", "act"], arrows["act", "plan"]
    assert down.line.split()[0].partition("M")[2] != up.line.split()[-2]
    assert (down.is_conditional, up.is_conditional) == (True, False)


def test_a_node_that_leads_to_itself_has_an_arrow():
    assert [a.line[0] for a in draw(["a"], [("a", "a", False)]).arrows] == ["M"]


def test_an_edge_to_a_node_that_is_not_there_is_left_out():
    assert draw(["a"], [("a", "ghost", False)]).arrows == ()


@pytest.mark.parametrize("nodes", [200, 60])
def test_no_two_boxes_overlap(nodes):
    names = [f"node {n}" for n in range(nodes)]
    edges = [(names[n // 3], names[n], False) for n in range(1, nodes)] + [(names[-1], names[0], True)]
    picture = draw(names, edges)
    assert len(picture.boxes) == nodes
    assert not any(overlap(one, two) for one, two in combinations(picture.boxes, 2))


def test_parts_that_nothing_joins_stand_side_by_side():
    one, two = draw(["a", "b"], []).boxes
    assert not overlap(one, two)


def test_what_is_too_large_says_so():
    assert pictures.is_too_large(["x"] * 201, [])
    assert not pictures.is_too_large(["x"] * 200, [])


def test_a_name_shows_what_cannot_be_seen_and_is_cut():
    assert layouts.label("pay\u202e") == "pay⟨U+202E⟩"
    assert len(layouts.label("x" * 500)) == layouts.LONGEST_LABEL
    assert (layouts.group("team:inner:pay"), layouts.label("team:inner:pay")) == ("team › inner", "pay")


def test_the_same_graph_is_always_the_same_picture():
    nodes = ("__start__", "decide", "ask", "execute", "__end__")
    ways = [("__start__", "decide"), ("ask", "__end__"), ("ask", "decide"), ("ask", "execute"), ("decide", "__end__")]
    edges = tuple((*way, True) for way in [*ways, ("decide", "ask"), ("execute", "decide")])
    seen = set()
    for _ in range(40):
        kept = _scatter()
        seen.add(repr(pictures.draw.__wrapped__(nodes, edges)))
        del kept
    assert len(seen) == 1


def _scatter():
    """Leave holes in memory in no order, so that what is made next has addresses in no order."""
    made = [Vertex(number) for number in range(800)]
    random.shuffle(made)
    return [vertex for vertex in made if random.random() < 0.3]
