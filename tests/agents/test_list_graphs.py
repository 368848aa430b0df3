"""`list_graphs` names what is broken and why, and takes nothing else down."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command


@pytest.fixture
def listed(settings, tmp_path):
    """What is listed of a project with these files, and what is complained about."""

    def listed(entries, *options, **files):
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(source)
        (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": entries}))
        settings.COUNTERSIGN_GRAPHS = [tmp_path / "langgraph.json"]
        out, err = io.StringIO(), io.StringIO()
        call_command("list_graphs", *options, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return listed


def test_a_broken_graph_is_named_with_its_reason_and_its_traceback(listed):
    out, _ = listed({"theirs": "./broken.py:graph"}, "--json", broken="def graph():\n    return 1 / 0\n")
    facts = {fact["name"]: fact for fact in json.loads(out)}
    assert facts["theirs"]["error"] == ("The graph “theirs” cannot be loaded: ZeroDivisionError: division by zero")
    assert "return 1 / 0" in facts["theirs"]["traceback"]
    assert [name for name, fact in facts.items() if fact["error"]] == ["theirs"]


@pytest.mark.parametrize("source", ["raise SystemExit(3)", "import no_such_module", "graph = 3", "def graph("])
def test_whatever_breaks_it_the_others_are_listed(listed, source):
    out, _ = listed({"theirs": "./broken.py:graph"}, broken=source)
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert "cannot be loaded" in lines["theirs"]
    assert "operations" in [name.strip() for name in lines]


def test_where_it_breaks_is_told_on_request(listed):
    source = "raise RuntimeError('no key')"
    assert "Traceback" not in listed({"theirs": "./broken.py:graph"}, broken=source)[0]
    assert "Traceback" in listed({"theirs": "./broken.py:graph"}, "--verbosity=2", broken=source)[0]


def test_a_broken_file_is_told_on_standard_error(listed, settings, tmp_path):
    out, err = listed({})
    (tmp_path / "langgraph.json").write_text("{")
    call_command("list_graphs", stdout=(stdout := io.StringIO()), stderr=(stderr := io.StringIO()))
    assert (err, stdout.getvalue()) == ("", out)
    assert stderr.getvalue().startswith("The graph file langgraph.json cannot be used: it is not JSON")
