"""The commands: flags, JSON and exit codes of the contract; a refusal is one sentence and changes nothing."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from agents.models import Run
from approvals.models import Ticket
from tests.factories import decide, make_policy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run_agent(runtime, project, cast):
    """Call the command with --json; returns its exit code and what it printed."""

    def run_agent(*arguments):
        out = io.StringIO()
        try:
            call_command("run_agent", *arguments, "--json", stdout=out)
        except SystemExit as stop:
            return stop.code, json.loads(out.getvalue())
        return 0, json.loads(out.getvalue())

    return run_agent


def test_a_paused_run_prints_its_tickets(run_agent, settings):
    code, printed = run_agent("operations", "--message", "transfer 250 to bob", "--requester", "dave")
    ticket = Ticket.objects.get()
    assert code == 0
    assert printed == {
        "thread_id": ticket.thread_id,
        "graph": "operations",
        "status": "paused",
        "tickets": [
            {
                "id": ticket.pk,
                "action": "transfer_money",
                "state": "pending",
                "url": f"{settings.PUBLIC_URL}/tickets/{ticket.pk}/",
            }
        ],
        "output": None,
        "error": None,
    }
    assert ticket.requester.username == "dave"


def test_the_ticket_shows_what_the_reviewer_needs(run_agent):
    run_agent("operations", "--message", "transfer 250 to bob")
    ticket = Ticket.objects.get()
    assert ticket.args == {"amount": 250, "to": "bob"}
    assert ticket.args_schema["properties"]["amount"]
    assert ticket.tool_call_id
    assert "transfer 250 to bob" in ticket.reasoning
    assert ticket.context[0]["role"] == "user"
    assert ticket.allowed_decisions == ["approve", "edit", "reject", "respond"]


def test_an_approved_transfer_is_paid_and_reported(run_agent, resume, alice):
    _, printed = run_agent("operations", "--message", "transfer 250 to bob")
    run = resume(decide(Ticket.objects.get(), alice))
    ticket = Ticket.objects.get()
    assert run.status == "succeeded"
    assert "250" in run.output
    assert (ticket.execution, "250.00 to bob" in ticket.result) == ("succeeded", True)
    assert run.thread_id == printed["thread_id"]


def test_an_edited_transfer_pays_the_edited_amount(run_agent, resume, alice):
    run_agent("operations", "--message", "transfer 250 to bob")
    resume(decide(Ticket.objects.get(), alice, "edit", args={"amount": 20, "to": "bob"}))
    assert "20.00 to bob" in Ticket.objects.get().result


def test_a_rejected_transfer_is_not_paid(run_agent, resume, alice):
    from agents.models import DemoTransfer

    run_agent("operations", "--message", "transfer 250 to bob")
    run = resume(decide(Ticket.objects.get(), alice, "reject", message="not today"))
    assert run.status == "succeeded"
    assert not DemoTransfer.objects.exists()
    assert any("not today" in line["content"] for line in run.transcript if line["role"] == "tool")


def test_no_secret_is_printed(run_agent):
    make_policy("Search", action="search", risk="low", gate="auto")
    _, printed = run_agent("operations", "--message", "search AKIAIOSFODNN7EXAMPLE")
    assert "AKIAIOSFODNN7EXAMPLE" in json.dumps(Run.objects.get().output)
    assert "AKIA" not in json.dumps(printed) and "[secret: 20 characters" in printed["output"]


def test_input_may_be_json_a_file_or_standard_input(run_agent, tmp_path, monkeypatch):
    (tmp_path / "input.json").write_text('{"asked": "file"}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"asked": "stdin"}'))
    for source in ('{"asked": "json"}', f"@{tmp_path / 'input.json'}", "-"):
        assert run_agent("two_questions", "--input", source)[0] == 0
    assert {run.input["asked"] for run in Run.objects.all()} == {"json", "file", "stdin"}


def test_a_failed_run_exits_1(run_agent, project, tmp_path):
    source = "def go(state): raise ValueError('no money')\n"
    source += "from langgraph.graph import StateGraph\ngraph = StateGraph(dict)\ngraph.add_node('go', go)\n"
    (tmp_path / "fails.py").write_text(source + "graph.set_entry_point('go')\n")
    project.write_text(json.dumps({"graphs": {"fails": "./fails.py:graph"}}))
    code, printed = run_agent("fails", "--input", '{"x": 1}')
    assert (code, printed["status"], printed["error"]) == (1, "failed", "ValueError: no money")


def test_a_known_thread_without_a_message_is_reported(run_agent):
    _, first = run_agent("two_questions", "--input", "{}")
    assert run_agent("two_questions", "--thread-id", first["thread_id"]) == (0, first)


def test_waiting_ends_after_the_seconds_given(run_agent):
    code, printed = run_agent("two_questions", "--input", "{}", "--wait", "0.3")
    assert (code, printed["status"]) == (0, "paused")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "--message", "x"], "There is no graph called “nowhere”"),
        (["operations", "--input", "{bad"], "--input is not JSON"),
        (["operations", "--input", "@/nowhere.json"], "--input cannot read"),
        (["operations", "--input", "[]"], "must be a JSON object"),
        (["operations", "--input", "{}"], "“messages” is missing"),
        (["operations"], "Give the graph something to do"),
        (["operations", "--message", " "], "The message is empty"),
        (["operations", "--message", "x", "--requester", "zoe"], "There is no user called “zoe”"),
        (["operations", "--message", "x", "--thread-id", "a b"], "A thread id has"),
        (["operations", "--message", "x", "--model", "gpt"], "Unknown model"),
    ],
)
def test_a_refusal_is_one_sentence_and_changes_nothing(run_agent, arguments, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        run_agent(*arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert not Run.objects.exists()


def test_a_thread_of_another_graph_is_refused(run_agent):
    _, first = run_agent("two_questions", "--input", "{}")
    with pytest.raises(CommandError, match="belongs to the graph “two_questions”"):
        run_agent("operations", "--message", "x", "--thread-id", first["thread_id"])


def test_list_graphs_prints_every_name(project):
    out = io.StringIO()
    call_command("list_graphs", "--json", stdout=out)
    names = {fact["name"] for fact in json.loads(out.getvalue())}
    assert {"operations", "decide_execute", "email_draft", "tool_review", "two_questions"} <= names


def test_a_model_without_its_key_is_named_and_no_run_is_made(run_agent, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(CommandError) as refused:
        run_agent("operations", "--message", "search cats", "--model", "openai:gpt-4o")
    assert str(refused.value) == "The model openai:gpt-4o needs an API key: set OPENAI_API_KEY."
    assert (refused.value.returncode, Run.objects.count()) == (2, 0)
