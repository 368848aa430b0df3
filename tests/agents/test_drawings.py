"""Whoever loads a graph keeps how it looks; a paused run knows where it waits."""

from __future__ import annotations

import asyncio
import json

import pytest

from agents import drawings, portraits
from agents.errors import BrokenGraph
from agents.models import GraphDrawing, Run
from approvals.models import Ticket
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)

TEAM = """
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    asked: str
    paid: str

inner = StateGraph(State)
inner.add_node("look", lambda state: {})
inner.add_node("pay", lambda state: {"paid": str(interrupt("Pay?"))})
inner.add_edge(START, "look")
inner.add_edge("look", "pay")
graph = StateGraph(State)
graph.add_node("team", inner.compile())
graph.add_edge(START, "team")
"""


@pytest.fixture(autouse=True)
def nothing_drawn():
    """Other tests' graphs were drawn into tables that are empty now."""
    drawings._drawn.clear()


@pytest.fixture
def team(project):
    """A graph whose subgraph asks."""
    (project.parent / "team.py").write_text(TEAM)
    project.write_text(json.dumps({"graphs": {"team": "./team.py:graph", "gone": "./nowhere.py:graph"}}))


def test_running_a_graph_keeps_how_it_looks(start):
    start("two_questions")
    drawing = GraphDrawing.objects.get()
    assert drawing.nodes == ["__start__", "pay", "delete", "__end__"]
    assert ["pay", "delete", False] in drawing.edges


def test_a_graph_is_drawn_once_and_not_for_every_run(start):
    start("compiled")
    GraphDrawing.objects.all().delete()
    start("compiled")
    assert not GraphDrawing.objects.exists()


def test_a_paused_run_knows_where_it_waits_until_it_goes_on(start, resume, alice):
    run = start("two_questions")
    assert run.waiting_at == ["pay"]
    run = resume(decide(Ticket.objects.get(), alice))
    assert run.waiting_at == ["delete"]
    run = resume(decide(Ticket.objects.pending().get(), alice))
    assert (run.status, run.waiting_at) == ("succeeded", [])


def test_a_subgraph_is_drawn_and_the_node_inside_it_is_marked(start, team):
    run = start("team")
    assert run.waiting_at == ["team:pay"]
    assert portraits.of(run).states == {"team:pay": "waiting"}


def test_a_breakpoint_waits_at_the_node_it_stops_before(start):
    assert start("draft").waiting_at == ["send"]


def test_what_the_drawing_does_not_show_is_marked_on_what_is_around_it():
    GraphDrawing.objects.create(name="x", nodes=["outer"], edges=[])
    run = Run.objects.create(thread_id="x", graph="x", status="paused", waiting_at=["outer:inner:pay"])
    assert portraits.of(run).states == {"outer": "waiting"}


def test_a_broken_graph_is_kept_with_its_traceback_and_heals(start, team, project):
    with pytest.raises(BrokenGraph):
        start("gone")
    drawing = GraphDrawing.objects.get()
    assert "there is no Python file" in drawing.error
    assert "Traceback" in drawing.traceback
    (project.parent / "nowhere.py").write_text(TEAM)
    start("gone")
    drawing.refresh_from_db()
    assert (drawing.error, drawing.traceback, "team:pay" in drawing.nodes) == ("", "", True)


def test_a_survey_draws_every_graph_and_a_broken_one_stops_nobody(runtime, team):
    from agents import checkpoints, runner

    async def survey():
        await runner.survey()
        await checkpoints.close()

    asyncio.run(survey())
    known = {drawing.name: bool(drawing.error) for drawing in GraphDrawing.objects.all()}
    assert known["gone"] is True
    assert (known["team"], known["operations"], known["decide_execute"]) == (False, False, False)


def test_a_graph_that_cannot_be_drawn_still_runs(start, project):
    source = TEAM + "\nclass Undrawable(type(graph.compile())):\n"
    source += "    def get_graph(self, *a, **k): raise ValueError('no picture')\n"
    source += "made = graph.compile()\nmade.__class__ = Undrawable\n"
    (project.parent / "undrawable.py").write_text(source)
    project.write_text(json.dumps({"graphs": {"undrawable": "./undrawable.py:made"}}))
    assert start("undrawable").status == "paused"
    assert not GraphDrawing.objects.exists()
