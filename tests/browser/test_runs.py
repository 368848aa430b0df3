"""The page of a run in a real browser: its picture, its steps, its values, and that it moves by itself."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from agents.models import Effect, GraphDrawing, Run
from approvals.models import Ticket
from tests import factories
from tests.browser.windows import needs_chromium, open_context, problems_everywhere, sign_in, strangers

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]

PROJECT = """
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    asked: str
    paid: str

def lose(state):
    interrupt({"action": "pay", "args": {"to": "bob", "amount": 250}})
    raise TimeoutError("The bank did not answer.")

def boom(state): raise ValueError("no money")

inner = StateGraph(State)
inner.add_node("look", lambda state: {})
inner.add_node("pay", lambda state: {"paid": str(interrupt("Pay?"))})
inner.add_edge(START, "look")
inner.add_edge("look", "pay")
team = StateGraph(State)
team.add_node("team", inner.compile())
team.add_edge(START, "team")
doubtful = StateGraph(State)
doubtful.add_node("lose", lose)
doubtful.add_edge(START, "lose")
fails = StateGraph(State)
fails.add_node("look", lambda state: {"paid": "</pre><script>alert(1)</script>" + "very long " * 200})
fails.add_node("boom", boom)
fails.add_edge(START, "look")
fails.add_edge("look", "boom")
"""


@pytest.fixture
def drive(settings: Any, tmp_path: Path, cast: dict[str, Any]) -> Any:
    """Start or resume a graph as Dave; beside the browser's own event loop, so in a thread of its own."""
    from agents import checkpoints, drawings, runner

    checkpoints.setup_sync()
    drawings._drawn.clear()
    (tmp_path / "project.py").write_text(PROJECT)
    graphs = {
        "team": "./project.py:team",
        "fails": "./project.py:fails",
        "doubtful": "./project.py:doubtful",
        "gone": "./nowhere.py:graph",
    }
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": graphs}))
    settings.COUNTERSIGN_GRAPHS = [tmp_path / "langgraph.json"]

    def in_a_thread(work: Any, *arguments: Any, **named: Any) -> Any:
        from django.db import connections

        def then_close() -> Any:
            try:
                return work(*arguments, **named)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(then_close).result()

    def drive(graph: str, thread_id: str, **value: Any) -> Any:
        if not value:
            return in_a_thread(runner.resume_sync, thread_id, Ticket.objects.filter(thread_id=thread_id).first().pk)
        named = {"graph": graph, "input": value, "thread_id": thread_id, "requester_id": cast["dave"].pk}
        return in_a_thread(runner.start_sync, **named)

    return drive


def said(words: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": words}]


@pytest.fixture
def runs(drive: Any, cast: dict[str, Any]) -> dict[str, str]:
    """Runs of several graphs, paused, succeeded and failed, and the paths of their pages."""
    # Nothing empties the checkpointer's tables between tests, so no test uses another's threads.
    names = ["paused", "ended", "looping", "reviewed", "inside", "failed", "wide", "doubtful", "paid"]
    threads = {name: f"{name}-{uuid.uuid4()}" for name in names}
    drive("operations", threads["paused"], messages=said("transfer 250 to bob"))
    drive("operations", threads["ended"], messages=said("transfer 250 to erin"))
    drive("decide_execute", threads["looping"], request="transfer 20 to bob")
    drive("tool_review", threads["reviewed"], messages=said("search cats, then delete data report-7"))
    drive("team", threads["inside"], asked="x")
    drive("fails", threads["failed"], asked="x")
    factories.decide(Ticket.objects.get(thread_id=threads["ended"]), cast["alice"], "reject", message="Not today.")
    drive("operations", threads["ended"])
    for graph, value in {"doubtful": {"asked": "x"}, "paid": {"messages": said("transfer 90 to bob")}}.items():
        drive({"paid": "operations"}.get(graph, graph), threads[graph], **value)
        factories.decide(Ticket.objects.get(thread_id=threads[graph]), cast["alice"])
        drive(graph, threads[graph])
    Effect.objects.filter(thread_id=threads["paid"]).update(late={"state": "succeeded", "result": "Sent.", "error": ""})
    middle = [f"worker number {number}" for number in range(30)]
    edges = [["__start__", name, True] for name in middle] + [[name, "__end__", False] for name in middle]
    GraphDrawing.objects.create(name="wide", nodes=["__start__", *middle, "__end__"], edges=edges)
    Run.objects.create(
        thread_id=threads["wide"], graph="wide", requester=cast["dave"], status="paused", waiting_at=[middle[3]]
    )
    question = Ticket.objects.get(thread_id=threads["doubtful"], about__isnull=False)
    return {
        "runs": "/runs/",
        "question": question.get_absolute_url(),
        **{name: f"/runs/{thread}/" for name, thread in threads.items()},
    }


def test_every_run_is_accessible_keeps_to_the_policy_and_to_its_origin(
    live_server: Any, browser: Browser, runs: dict[str, str]
) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "dave")
    abroad, found = strangers(page, live_server.url), {}
    for name, path in runs.items():
        page.goto(live_server.url + path)
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        expect(page.get_by_role("link", name="Show the values")).to_have_count(0)
        found[name] = problems_everywhere(page, f"run-{name}")
    page.goto(live_server.url + runs["failed"])
    step = page.locator(".step__fold").first.get_attribute("hx-get")
    page.goto(f"{live_server.url}{step}")
    expect(page.get_by_role("heading", name="What this step changed")).to_be_visible()
    found["step"] = problems_everywhere(page, "run-step")
    context.close()
    assert {name: words for name, words in found.items() if words} == {}
    assert abroad == []


def test_the_picture_has_a_title_and_words(live_server: Any, browser: Browser, runs: dict[str, str]) -> None:
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, live_server.url, "dave")
    page.goto(live_server.url + runs["inside"])
    picture = page.get_by_role("img", name="The graph team")
    expect(picture).to_have_accessible_description(
        "4 nodes. It waits at team › pay. The list below says where each of them leads."
    )
    page.get_by_text("The graph in words").click()
    expect(page.get_by_text("team › pay (waits here)")).to_be_visible()
    context.close()


def test_steps_and_values_are_pages_without_javascript(
    live_server: Any, browser: Browser, runs: dict[str, str]
) -> None:
    context = open_context(browser, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "dave")
    page.goto(live_server.url + runs["failed"])
    page.get_by_text("changed paid").click()
    page.get_by_role("link", name="Show the values").first.click()
    expect(page.get_by_role("heading", name="What this step changed")).to_be_visible()
    expect(page.get_by_text("</pre><script>")).to_be_visible()
    context.close()
