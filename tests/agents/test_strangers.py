"""Graphs that nobody here wrote, unchanged: each is told exactly what it waits for."""

from __future__ import annotations

import json

import pytest

from approvals.errors import InvalidArguments
from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)

TASK = {"messages": [{"role": "user", "content": "go"}]}


def pending(run):
    return list(Ticket.objects.filter(thread_id=run.thread_id).pending().order_by("position", "id"))


@pytest.fixture
def answer(start, resume, alice):
    """Start a graph, answer its first ticket and return the run."""

    def answer(graph, kind="approve", *, value=None, **fields):
        run = start(graph, value)
        return resume(decide(pending(run)[0], alice, kind, **fields))

    return answer


class TestDocumentation:
    @pytest.mark.parametrize(
        ("kind", "got", "effects"), [("approve", True, ["proceeded"]), ("reject", False, ["cancelled"])]
    )
    def test_approve_or_reject(self, answer, kind, got, effects):
        assert answer("approve_or_reject", kind).output["got"] is got
        assert effects == EFFECTS

    def test_review_and_edit_takes_the_text(self, answer):
        assert answer("review_and_edit", "respond", message="A better draft").output["got"] == "A better draft"

    def test_a_tool_that_asks_with_flat_arguments(self, answer):
        run = answer("tool_asks", value=TASK)
        assert EFFECTS == ["emailed bob@example.com"]
        assert (run.output, Ticket.objects.get().result) == ("All done.", "Email sent to bob@example.com")

    def test_its_ticket_is_the_tools(self, start):
        start("tool_asks", TASK)
        ticket = Ticket.objects.get()
        assert (ticket.action, ticket.args) == ("send_email", {"to": "bob@example.com", "subject": "Hi"})
        assert ticket.args_schema["required"] == ["to", "subject"]

    def test_its_edited_arguments_lie_flat_too(self, answer):
        answer("tool_asks", "edit", value=TASK, args={"to": "eve@example.com", "subject": "Hi"})
        assert EFFECTS == ["emailed eve@example.com"]

    def test_its_rejection_is_in_its_own_words(self, answer):
        assert answer("tool_asks", "reject", value=TASK).transcript[-2]["content"] == "Email cancelled by user"

    @pytest.mark.parametrize(
        ("kind", "fields", "said"),
        [
            ("approve", {}, "Booked McKittrick"),
            ("edit", {"args": {"hotel": "Ritz"}}, "Booked Ritz"),
            ("respond", {"message": "None at all"}, "None at all"),
            ("reject", {"message": "Too dear"}, "Too dear"),
        ],
    )
    def test_interrupts_added_to_any_tool(self, answer, kind, fields, said):
        assert answer("wrapped_tool", kind, value=TASK, **fields).transcript[-2]["content"] == said

    def test_a_question_asked_again_until_it_fits(self, start, resume, alice):
        run = start("validated")
        for said in ("old", "42"):
            [ticket] = pending(run)
            run = resume(decide(ticket, alice, "respond", message=said))
        assert (ticket.description, run.output["got"]) == ("'old' is not a valid age. What is your age?", "42")

    def test_an_answer_under_a_key(self, answer):
        assert answer("assistance", "respond", message="Use the API").output["got"] == "Use the API"


class TestAgentInbox:
    @pytest.mark.parametrize("graph", ["inbox_joke", "inbox_text", "inbox_dict"])
    @pytest.mark.parametrize(
        ("kind", "fields", "response"),
        [
            ("approve", {}, ["accept", {"action": "Confirm Joke", "args": {"joke": "What did the fish say?"}}]),
            ("edit", {"args": {"joke": 3}}, ["edit", {"action": "Confirm Joke", "args": {"joke": 3}}]),
            ("respond", {"message": "Funny"}, ["response", "Funny"]),
            ("reject", {}, ["ignore", None]),
        ],
    )
    def test_every_way_of_asking_gets_a_list_of_one_response(self, answer, graph, kind, fields, response):
        assert answer(graph, kind, **fields).output["got"] == [dict(zip(["type", "args"], response, strict=True))]

    def test_the_description_is_the_agents(self, start):
        start("inbox_joke")
        assert Ticket.objects.get().description.startswith("# Confirm Joke")


class TestMiddleware:
    def test_javascript_is_answered_in_its_casing(self, start, resume, alice):
        run = start("javascript")
        first, second = pending(run)
        decide(first, alice, "edit", args={"n": 9})
        run = resume(decide(second, alice, "reject", message="no"))
        edited = {"type": "edit", "editedAction": {"name": "pay", "args": {"n": 9}}}
        assert run.output["got"] == {"decisions": [edited, {"type": "reject", "message": "no"}]}

    def test_javascript_knows_no_answer_in_words(self, start):
        start("javascript")
        assert {tuple(ticket.allowed_decisions) for ticket in Ticket.objects.all()} == {("approve", "edit", "reject")}

    @pytest.mark.parametrize("graph", ["stacked", "stacked_batch", "agent_breakpoint"])
    def test_each_call_of_a_stacked_agent_is_decided_by_itself(self, start, resume, alice, graph):
        run = start(graph, TASK)
        one, two = pending(run)
        assert one.args_schema["properties"]["quantity"]["type"] == "integer"
        resume(decide(one, alice, "reject", message="not now"))
        run = resume(decide(two, alice, "edit", args={"quantity": 7, "item": "pens"}))
        assert EFFECTS == ["ordered 7 pens"]
        assert (run.status, run.output) == ("succeeded", "All done.")
        assert any("not now" in turn["content"].lower() for turn in run.transcript if turn["role"] == "tool")

    @pytest.mark.parametrize("graph", ["stacked", "stacked_batch", "agent_breakpoint"])
    def test_bad_arguments_are_refused_while_the_ticket_is_open(self, start, alice, graph):
        run = start(graph, TASK)
        with pytest.raises(InvalidArguments):
            decide(pending(run)[0], alice, "edit", args={"quantity": "many", "item": "pens"})
        assert len(pending(run)) == 2


class TestShapes:
    def test_a_subgraphs_question_comes_to_the_root(self, answer):
        run = answer("nested")
        assert (run.status, EFFECTS) == ("succeeded", ["got True"])

    def test_a_subgraph_called_inside_a_node(self, answer):
        assert answer("called_inside", "respond", message="blue").output["got"] == "blue"

    def test_the_functional_api(self, answer):
        run = answer("functional", "reject", value={"topic": "cats"})
        assert run.output == {"essay": "An essay about cats", "is_approved": False}
        assert EFFECTS == ["wrote about cats"]

    def test_nodes_that_are_coroutines(self, answer):
        assert answer("async_only").output["got"] is True

    def test_two_questions_in_one_node_get_their_own_answers(self, start, resume, alice):
        run = start("two_in_one")
        for said in ("one", "two"):
            run = resume(decide(pending(run)[0], alice, "respond", message=said))
        assert run.output["more"] == ["one", "two"]

    def test_one_node_many_times_at_once(self, start, resume, alice):
        run = start("fan_out")
        assert [ticket.args["question"] for ticket in pending(run)] == ["a?", "b?", "c?"]
        for ticket in reversed(pending(run)):
            run = resume(decide(ticket, alice, "respond", message=f"yes {ticket.args['question']}"))
        assert run.output["more"] == [["a", "yes a?"], ["b", "yes b?"], ["c", "yes c?"]]


class TestBreakpoints:
    def test_behind_a_tool_node_the_next_step_waits(self, start, resume, alice):
        run = start("after_tools", TASK)
        assert (EFFECTS, pending(run)[0].action) == (["ordered 1 pens"], "agent")
        assert resume(decide(pending(run)[0], alice)).output == "All done."

    def test_behind_a_step_its_outcome_can_be_edited(self, answer):
        answer("after_step", "edit", args={"asked": "x", "text": "Good day"})
        assert EFFECTS == ["sent Good day"]

    def test_before_every_node(self, start, resume, alice):
        run = start("everywhere")
        for action in ("write", "send"):
            [ticket] = pending(run)
            assert ticket.action == action
            run = resume(decide(ticket, alice))
        assert (run.status, EFFECTS) == ("succeeded", ["sent Hello"])

    @pytest.mark.parametrize(("kind", "effects"), [("approve", ["ordered 1 pens"]), ("reject", [])])
    def test_a_node_that_only_looks_at_calls_is_no_tool_node(self, start, resume, alice, kind, effects):
        # Behind it the tool node would run what was refused, so a rejection ends the run.
        run = start("quiet_review", TASK)
        call, review = pending(run)
        assert (call.action, review.action, call.allowed_decisions) == ("order", "review", ["approve", "reject"])
        decide(call, alice)
        run = resume(decide(review, alice, kind))
        assert (EFFECTS, run.status) == (effects, "succeeded" if effects else "rejected")


class TestResponseSchemas:
    @pytest.mark.parametrize("said", [{"args": {"city": "Rome", "days": 3}}, {"message": '{"city":"Rome","days":3}'}])
    def test_a_class_gets_its_fields(self, answer, said):
        assert answer("typed", "respond", **said).output["got"] == ["Trip", "Rome", 3]

    @pytest.mark.parametrize("said", ["Rome", '{"city": "", "days": 3}', '{"city": "Rome", "days": 31}', "{}"])
    def test_what_does_not_fit_never_reaches_the_graph(self, start, resume, alice, said):
        run = start("typed")
        with pytest.raises(InvalidArguments):
            decide(pending(run)[0], alice, "respond", message=said)
        run = resume(decide(pending(run)[0], alice, "respond", message=json.dumps({"city": "Rome", "days": 3})))
        assert run.status == "succeeded"

    def test_a_best_guess_is_on_the_ticket(self, start):
        start("shaped")
        ticket = Ticket.objects.get()
        assert (ticket.best_guess, ticket.answer_schema) == (3, {"type": "integer", "minimum": 1})
        assert ticket.allowed_decisions == ["respond"]

    def test_a_number_comes_as_a_number(self, answer):
        assert answer("shaped", "respond", message="4").output["got"] == 4
