"""The page of a run: how much of it each person sees, its steps page by page, the values of one step."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission

from agents import history, portraits, runner, wishes
from agents.models import GraphDrawing, Run
from approvals.models import Ticket
from tests.audit.hands import unguarded
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "the vault opens at nine"


@pytest.fixture
def as_user(client):
    """Open a page as somebody; returns the response."""

    def as_user(person, path, **headers):
        client.force_login(person)
        return client.get(path, headers=headers)

    return as_user


@pytest.fixture
def told_run(transfers, dave):
    """Dave's run: a ticket of it shows the first turn only; then more was said."""
    first = {"role": "user", "content": "transfer 250 to bob", "tool_calls": []}
    ticket = open_ticket(thread_id="told", requester=dave, context=[first])
    talk = [first, {"role": "agent", "content": SECRET, "tool_calls": []}]
    Run.objects.create(
        thread_id="told", graph="operations", requester=dave, status="succeeded", transcript=talk, output="All done."
    )
    return ticket


@pytest.mark.parametrize("reader", ["dave", "admin"])
def test_the_requester_and_staff_read_everything(as_user, told_run, cast, runtime, reader):
    page = as_user(cast[reader], "/runs/told/").content.decode()
    assert SECRET in page
    assert "Steps so far" in page


def test_a_reviewer_reads_what_the_ticket_shows_and_the_result(as_user, told_run, alice, runtime):
    page = as_user(alice, "/runs/told/").content.decode()
    assert "transfer 250 to bob" in page
    assert "All done." in page
    assert f"/tickets/{told_run.pk}/" in page
    assert SECRET not in page
    assert "Steps so far" not in page


def test_somebody_with_the_permission_reads_everything(as_user, told_run, alice, runtime):
    alice.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert SECRET in as_user(alice, "/runs/told/").content.decode()


def test_who_sees_no_ticket_of_it_finds_no_run(as_user, told_run, frank, runtime):
    assert as_user(frank, "/runs/told/").status_code == 404


@pytest.mark.parametrize("path", ["steps/", "steps/1f1e5c97-b0a2-6b9d-8001-f126361103d9/"])
def test_a_reviewer_reads_no_steps_and_no_values(as_user, told_run, alice, runtime, path):
    assert as_user(alice, f"/runs/told/{path}").status_code == 404


def test_the_steps_say_who_ran_and_what_changed(start, resume, alice):
    run = start("two_questions")
    resume(decide(Ticket.objects.get(), alice))
    newest = history.steps(run.thread_id, limit=10)[0]
    assert (newest.nodes, newest.changed, newest.has_waited) == (["pay"], ["first"], True)


def test_a_run_edited_before_a_node_still_has_its_page(as_user, start, resume, alice, dave):
    run = start("draft")
    ticket = Ticket.objects.get(thread_id=run.thread_id)
    resume(decide(ticket, alice, "edit", args={**ticket.args, "text": "Shorter."}))
    assert as_user(dave, f"/runs/{run.thread_id}/").status_code == 200


def test_a_run_that_was_repaired_still_has_its_page(as_user, start, resume, alice, dave):
    run = start("fussy")
    resume(decide(Ticket.objects.get(thread_id=run.thread_id), alice, "reject"))  # this graph cannot use it
    wishes.request_repair(run.thread_id, actor=dave)
    runner.drive_sync(run.thread_id)
    assert as_user(dave, f"/runs/{run.thread_id}/").status_code == 200


def test_the_tools_of_an_agent_are_named_although_they_are_sent(start):
    make_policy("Searches", action="search", gate="auto", risk="low")
    run = start("operations", {"messages": [{"role": "user", "content": "search cats, then search dogs"}]})
    nodes = [step.nodes for step in history.steps(run.thread_id, limit=50)]
    assert nodes.count(["tools"]) == 2
    assert not any(step.is_unnamed for step in history.steps(run.thread_id, limit=50))


def test_a_failed_node_is_marked(start, project):
    source = "def boom(state): raise ValueError('no money')\n"
    source += "from langgraph.graph import START, StateGraph\ngraph = StateGraph(dict)\n"
    source += "graph.add_node('look', lambda s: s)\ngraph.add_node('boom', boom)\n"
    (project.parent / "fails.py").write_text(source + "graph.add_edge(START, 'look')\ngraph.add_edge('look', 'boom')")
    project.write_text(json.dumps({"graphs": {"fails": "./fails.py:graph"}}))
    marks = history.marks(start("fails").thread_id)
    assert (marks.done, marks.failed) == (["look"], ["boom"])


def test_the_page_marks_where_the_run_waits(start, as_user, dave):
    run = start("two_questions")
    page = as_user(dave, run.get_absolute_url()).content.decode()
    assert "It waits at pay." in page
    assert page.count("picture__node--waiting") == 1


def test_a_step_shows_the_values_it_changed(start, resume, as_user, alice, dave):
    run = start("two_questions", {"asked": "the bill"})
    step = history.steps(run.thread_id, limit=1)[0]
    page = as_user(dave, f"{run.get_absolute_url()}steps/{step.checkpoint_id}/").content.decode()
    assert "asked" in page
    assert "the bill" in page


def test_a_step_shows_only_the_turns_it_added(start, as_user, dave):
    run = start("tool_review", {"messages": [{"role": "user", "content": "search cats"}]})
    step = next(s for s in history.steps(run.thread_id, limit=50) if s.nodes == ["safe_tools"])
    page = as_user(dave, f"{run.get_absolute_url()}steps/{step.checkpoint_id}/").content.decode()
    assert "what was added" in page
    assert "Result of search" in page
    assert "turn--user" not in page


def test_a_step_of_another_thread_is_not_found(start, as_user, dave):
    one, two = start("two_questions"), start("two_questions")
    step = history.steps(two.thread_id, limit=1)[0]
    assert as_user(dave, f"{one.get_absolute_url()}steps/{step.checkpoint_id}/").status_code == 404


def test_a_thousand_steps_come_page_by_page(start, as_user, dave):
    run = start("two_questions")
    _many_steps(run.thread_id, 1_000)
    seen, before = [], ""
    while page := history.steps(run.thread_id, limit=100, before=before):
        seen += [step.checkpoint_id for step in page]
        before = page[-1].checkpoint_id
    assert len(seen) == len(set(seen)) == 1_001
    assert seen == sorted(seen, reverse=True)
    assert as_user(dave, run.get_absolute_url()).content.count(b'class="step"') == 21


def test_earlier_steps_come_as_rows_for_htmx_and_as_a_page_without(start, as_user, dave):
    run = start("two_questions")
    _many_steps(run.thread_id, 30)
    newest = history.steps(run.thread_id, limit=1)[0].checkpoint_id
    path = f"{run.get_absolute_url()}steps/?before={newest}"
    assert b"<html" in as_user(dave, path).content
    rows = as_user(dave, path, **{"HX-Request": "true"}).content
    assert b"<html" not in rows
    assert b"Show earlier steps" in rows
    assert newest.encode() not in rows


def test_a_graph_too_large_for_a_picture_is_told_in_words(as_user, dave, runtime):
    nodes = [f"node {number}" for number in range(201)]
    GraphDrawing.objects.create(name="large", nodes=nodes, edges=[["node 0", "node 1", True]])
    Run.objects.create(thread_id="large", graph="large", requester=dave)
    page = as_user(dave, "/runs/large/").content.decode()
    assert "too large for a picture" in page
    assert "node 0, if the graph decides so to node 1" in page


def test_hostile_node_names_are_only_text(as_user, dave, runtime):
    name = "</text><script>alert(1)</script>\u202e"
    GraphDrawing.objects.create(name="hostile", nodes=[name], edges=[])
    Run.objects.create(thread_id="hostile", graph="hostile", requester=dave, status="paused", waiting_at=[name])
    page = as_user(dave, "/runs/hostile/").content.decode()
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page


@pytest.mark.parametrize("address", ["/runs/", "/runs/odd/", "/admin/agents/run/", "/admin/agents/graphdrawing/"])
def test_what_cannot_be_seen_in_the_name_of_a_graph_is_shown_by_its_number(as_user, admin, runtime, address):
    odd = "pay\u202eroll"
    GraphDrawing.objects.create(name=odd, error="It is broken.", traceback="here", nodes=["a"], edges=[])
    Run.objects.create(thread_id="odd", graph=odd, requester=admin, status="queued")
    page = as_user(admin, address).content.decode()
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page


def test_a_run_without_words_is_called_by_its_graph_and_its_thread_stands_below(as_user, dave, runtime):
    Run.objects.create(thread_id="plain-7", graph="nightly", requester=dave, status="queued")
    assert '<h1 class="untrusted" tabindex="-1">nightly</h1>' in as_user(dave, "/runs/plain-7/").content.decode()
    page = as_user(dave, "/runs/").content.decode()
    assert ">nightly</a>" in page and '<span class="untrusted">plain-7</span>' in page


def test_a_picture_begins_at_the_node_that_waits(as_user, dave, runtime):
    edges = [["__start__", "a", False], ["a", "b", False]]
    GraphDrawing.objects.create(name="two", nodes=["__start__", "a", "b"], edges=edges)
    run = Run.objects.create(thread_id="two", graph="two", requester=dave, status="paused", waiting_at=["b"])
    portrait = portraits.of(run)
    box = next(box for box in portrait.picture.boxes if box.name == "b")
    assert portrait.here == (box.x + box.width, box.y + box.height)
    place = f'<svg class="picture__here" width="{portrait.here[0]:.0f}" height="{portrait.here[1]:.0f}"'
    assert place in as_user(dave, "/runs/two/").content.decode()


def test_a_run_that_no_checkpoint_knows_has_a_page(as_user, dave, runtime):
    Run.objects.create(thread_id="new", graph="nowhere", requester=dave, status="queued")
    assert "No step has been saved yet" in as_user(dave, "/runs/new/").content.decode()


def _many_steps(thread_id, count):
    """Older steps in front of those that are there, as a long run leaves them."""
    with unguarded() as superuser:
        superuser.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, type, checkpoint, metadata)"
            " SELECT %s, '', '0' || lpad(n::text, 35, '0'), 'json',"
            """ '{"ts": "2026-01-01T00:00:00+00:00", "versions_seen": {}, "updated_channels": []}',"""
            """ '{"source": "loop"}' FROM generate_series(1, %s) AS n""",
            [thread_id, count],
        )


@pytest.mark.parametrize(("reader", "reads_traceback"), [("dave", False), ("admin", True)])
def test_a_broken_graph_is_named_with_its_traceback_for_staff(as_user, cast, reader, reads_traceback):
    GraphDrawing.objects.create(name="payroll", error="The graph “payroll” cannot be loaded: x", traceback="line 7")
    page = as_user(cast[reader], "/runs/").content.decode()
    assert "“payroll” cannot be loaded" in page
    assert ("line 7" in page) is reads_traceback


def test_a_graph_file_that_is_no_use_is_named(as_user, dave, settings, tmp_path):
    (tmp_path / "langgraph.json").write_text("{")
    settings.COUNTERSIGN_GRAPHS = [tmp_path / "langgraph.json"]
    assert "Graphs that cannot be loaded" in as_user(dave, "/runs/").content.decode()


@pytest.mark.parametrize(("word", "badge"), [("approve", "Succeeded"), ("reject", "Ended, nothing approved")])
def test_only_what_was_let_through_is_called_a_success(as_user, told_run, alice, dave, runtime, word, badge):
    make_policy("Search", action="search", risk="low", gate="auto")
    decide(told_run, alice, word)
    open_ticket("search", thread_id="told", requester=dave)  # what needs nobody's signature makes no difference
    for path in ("/runs/", "/runs/told/"):
        page = as_user(dave, path).content.decode()
        assert [said for said in ("Succeeded", "Ended, nothing approved") if said in page] == [badge]
