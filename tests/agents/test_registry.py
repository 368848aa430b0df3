"""Graphs of every shape load; a broken one takes nothing else down."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys

import pytest

from agents import registry
from agents.errors import BrokenGraph, ModelRefused, TakesNoMessage, UnknownGraph


def load(name, *, model=""):
    from langgraph.checkpoint.memory import InMemorySaver

    return asyncio.run(registry.load(name, checkpointer=InMemorySaver(), model=model))


@pytest.mark.parametrize("name", ["two_questions", "compiled", "plain_factory", "factory", "async_factory", "calls"])
def test_every_shape_of_graph_loads_on_our_checkpointer(project, name):
    graph = load(name)
    assert graph.checkpointer is not None
    assert graph.nodes


def test_each_run_gets_a_graph_of_its_own(project):
    async def both():
        first = await registry.load("compiled", checkpointer=object())
        second = await registry.load("compiled", checkpointer=None)
        return first.checkpointer, second.checkpointer

    first, second = asyncio.run(both())
    assert first is not None
    assert second is None


def test_an_unknown_graph_is_told_the_known_ones(project):
    with pytest.raises(UnknownGraph, match="operations"):
        registry.get("nowhere")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nothing_called_this", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("graph = 3", "it is a int"),
        ("other = 3", "has no “graph”"),
        ("def graph(", "SyntaxError"),
    ],
)
def test_a_broken_graph_says_why_and_hurts_no_other(settings, tmp_path, source, why):
    (tmp_path / "broken.py").write_text(source)
    good = "tests.agents.example_graphs:compiled"
    write(settings, tmp_path, {"graphs": {"broken": "./broken.py:graph", "good": good}})
    with pytest.raises(BrokenGraph, match=why):
        load("broken")
    assert load("good").nodes


def test_a_file_of_the_project_imports_its_dependencies_and_reads_its_env(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("EXAMPLE_TONE", raising=False)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "their_helper.py").write_text("from tests.agents.example_graphs import compiled\n")
    source = "import os\nfrom their_helper import compiled as graph\nos.environ['EXAMPLE_TONE']\n"
    (tmp_path / "agent.py").write_text(source)
    (tmp_path / ".env").write_text("# a comment\nexport EXAMPLE_TONE='dry'\n")
    graphs = {"theirs": "./agent.py:graph"}
    write(settings, tmp_path, {"dependencies": ["./lib"], "graphs": graphs, "env": ".env"})
    assert load("theirs").nodes


@pytest.mark.parametrize(
    ("content", "why"),
    [("{", "not JSON"), ("[" * 100_000, "not JSON"), ("[]", "no “graphs”"), (None, "No such file")],
)
def test_an_unusable_file_is_named_and_hides_no_other_graph(settings, tmp_path, content, why):
    if content is not None:
        (tmp_path / "langgraph.json").write_text(content)
    settings.COUNTERSIGN_GRAPHS = [tmp_path / "langgraph.json"]
    assert "operations" in registry.entries()
    assert [why in str(fault) for fault in registry.faults()] == [True]
    with pytest.raises(UnknownGraph, match=why):
        registry.get("theirs")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (3, "needs “file.py:name”"),
        ("no-colon", "needs “file.py:name”"),
        ({"path": "m:g", "words": {"yes": 1}}, "“words” of its entry knows approve"),
        ({"path": "m:g", "words": "yes"}, "“words” of its entry must be an object"),
        ({"path": "m:g", "message": 3}, "“message” of its entry must be text"),
        ({"path": "m:g", "asks": []}, "“asks” of its entry must be an object"),
        ({"path": "m:g", "asks": {"n": 3}}, "about “n” must be an object"),
        ({"path": "m:g", "asks": {"n": {"tool": "x"}}}, "cannot say 'tool' about “n”"),
        ({"path": "m:g", "asks": {"n": {"pattern": "("}}}, "a bracket that it does not close"),
    ],
)
def test_a_malformed_entry_is_a_broken_graph_and_hurts_no_other(settings, tmp_path, entry, why):
    good = "tests.agents.example_graphs:compiled"
    write(settings, tmp_path, {"graphs": {"broken": entry, "good": good}})
    with pytest.raises(BrokenGraph, match=re.escape(why)):
        load("broken")
    assert load("good").nodes


def test_a_graph_file_has_the_same_module_name_in_every_process(tmp_path):
    path = tmp_path / "agent.py"
    lines = [
        "import django",
        "from pathlib import Path",
        "django.setup()",
        "from agents import registry",
        f"print(registry._module_name(Path({str(path)!r}), base=Path({str(tmp_path)!r})))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == registry._module_name(path, base=tmp_path)


def test_an_unknown_model_is_refused():
    with pytest.raises(ModelRefused, match="Unknown model"):
        load("operations", model="foo")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("operations", {"messages": [{"role": "user", "content": "hi"}]}),
        ("decide_execute", {"request": "hi"}),
        ("email_draft", {"request": "hi"}),
    ],
)
def test_a_message_becomes_the_graphs_input(name, expected):
    assert registry.message_input(registry.get(name), "hi") == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"path": "tests.agents.example_graphs:calls"}, {"messages": [{"role": "user", "content": "hi"}]}),
        ({"path": "tests.agents.example_graphs:compiled", "message": "asked"}, {"asked": "hi"}),
    ],
)
def test_a_message_reaches_a_graph_that_declares_a_place_for_it(settings, tmp_path, entry, expected):
    write(settings, tmp_path, {"graphs": {"theirs": entry}})
    assert registry.message_input(registry.get("theirs"), "hi") == expected


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "tests.agents.example_graphs:compiled"},
        {"path": "nowhere:at_all", "input_schema": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    ],
)
def test_a_graph_without_a_place_for_a_message_refuses_it(settings, tmp_path, entry):
    write(settings, tmp_path, {"graphs": {"theirs": entry}})
    with pytest.raises(TakesNoMessage, match="“theirs” takes no message; use --input"):
        registry.message_input(registry.get("theirs"), "hi")


def test_the_web_process_does_not_import_langgraph():
    lines = [
        "import sys, django",
        "django.setup()",
        "import agents.registry, agents.errors, agents.tasks, agents.leases, agents.runs",
        "agents.registry.entries()",
        "loaded = {name.partition('.')[0] for name in sys.modules}",
        "sys.exit(bool(loaded & {'langgraph', 'langchain'}))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def write(settings, folder, content):
    (folder / "langgraph.json").write_text(json.dumps(content))
    settings.COUNTERSIGN_GRAPHS = [folder / "langgraph.json"]


@pytest.mark.parametrize(
    ("cards", "why"),
    [
        ({"pay": {"risk": "none"}}, "the card of “pay” cannot be used: “risk” of a card is one of low"),
        ({"pay": {"colour": "red"}}, "a card has no 'colour'"),
        ({"pay": "high"}, "the card of “pay” cannot be used"),
        ([], "“cards” of its entry must be an object"),
    ],
)
def test_a_card_that_makes_no_sense_is_a_fault_of_its_entry(settings, tmp_path, cards, why):
    good = "tests.agents.example_graphs:compiled"
    write(settings, tmp_path, {"graphs": {"broken": {"path": good, "cards": cards}, "good": good}})
    with pytest.raises(BrokenGraph, match=re.escape(why)):
        load("broken")
    assert load("good").nodes
