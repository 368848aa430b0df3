"""What has come apart between the checkpointer and the tickets is mended once, with the reason."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from agents import runner
from agents.models import Run
from approvals.models import Ticket
from tests.agents.broken_graphs import TROUBLE
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide, force

SUPERSEDED = {"state": "superseded", "outcome": "superseded", "resolved_at": "2020-01-01T00:00Z"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reconcile(runtime, project, cast):
    """Call the command; returns its findings by thread."""

    def reconcile(*, fails=False):
        out = io.StringIO()
        try:
            call_command("reconcile", "--json", stdout=out)
        except CommandError as error:
            assert fails, error
        return {f["thread_id"]: f for f in json.loads(out.getvalue())["threads"]}

    return reconcile


def test_nothing_is_done_where_all_is_well(start, reconcile):
    run = start("two_questions")
    assert reconcile()[run.thread_id]["did"] == []
    assert Ticket.objects.count() == 1


def test_a_pause_that_nobody_is_asked_about_gets_its_ticket(start, reconcile):
    run = start("two_questions")
    force(Ticket.objects.all(), **SUPERSEDED)
    found = reconcile()[run.thread_id]
    ticket = Ticket.objects.pending().get()
    assert found["did"] == [f"Opened ticket {ticket.pk}."]
    assert found["why"] == "The graph waits at pay and nobody was being asked."


def test_so_does_a_static_breakpoint(start, reconcile):
    run = start("draft")
    force(Ticket.objects.all(), **SUPERSEDED)
    assert reconcile()[run.thread_id]["did"]
    assert Ticket.objects.pending().get().action == "send"
    assert EFFECTS == []


def test_a_ticket_whose_interrupt_is_gone_is_closed_with_what_replaced_it(start, reconcile):
    run = start("two_questions")
    Ticket.objects.update(interrupt_id="0" * 32)
    found = reconcile()[run.thread_id]
    gone = Ticket.objects.get(interrupt_id="0" * 32)
    assert (gone.state, gone.message) == ("superseded", "The graph no longer waits for it: it waits at pay.")
    assert len(found["did"]) == 2


def test_what_a_run_that_is_over_left_open_is_closed(start, reconcile):
    run = start("two_questions")
    Run.objects.update(status="failed")
    assert reconcile()[run.thread_id]["did"] == ["Closed 1 ticket."]
    assert Ticket.objects.get().state == "cancelled"


def test_a_run_that_was_taken_up_since_it_was_read_keeps_its_tickets(start):
    run = start("two_questions")
    run.status = "failed"  # as it was when the rows were read
    assert runner.run_alone(looked_at(run)).did == ()
    assert Ticket.objects.get().state == "pending"


async def looked_at(run):
    """One run, from a row that may be old by now."""
    from agents import reconcile

    return await reconcile._look_at(run)


def test_a_run_whose_worker_died_is_told_from_a_pause_and_taken_up(start, reconcile):
    TROUBLE.append(ValueError("killed"))
    run = start("works_then_asks")
    Run.objects.update(status="running", lease_expires_at="2020-01-01T00:00Z")
    assert reconcile()[run.thread_id]["did"] == ["Took it up again; it was running and is now paused."]
    assert EFFECTS == ["worked", "worked"]


def test_a_decision_is_left_to_a_worker(start, reconcile, alice):
    start("two_questions")
    decide(Ticket.objects.get(), alice)
    reconcile()
    assert EFFECTS == []
    assert Ticket.objects.get().state == "approved"


def test_a_run_that_is_driven_is_left_alone(start, reconcile):
    run = start("two_questions")
    Run.objects.update(lease_expires_at="2999-01-01T00:00Z")
    assert reconcile()[run.thread_id]["why"] == "A worker is driving it at this moment."


def test_a_thread_that_no_run_knows_is_named(start, reconcile):
    run = start("two_questions")
    Ticket.objects.update(thread_id="elsewhere", interrupt_id="")
    Run.objects.all().delete()
    assert reconcile()[run.thread_id]["why"].startswith("No run names the graph")


def test_a_graph_that_is_not_known_here_is_named_and_exits_1(start, reconcile):
    run = start("two_questions")
    Run.objects.update(graph="nowhere")
    found = reconcile(fails=True)[run.thread_id]
    assert found["needs_help"]
    assert "There is no graph called “nowhere”" in found["why"]


def test_repeated_it_does_nothing(start, reconcile):
    for graph in ("two_questions", "draft", "parallel"):
        start(graph)
    force(Ticket.objects.all(), **SUPERSEDED)
    assert sum(bool(found["did"]) for found in reconcile().values()) == 3
    assert not any(found["did"] for found in reconcile().values())


def test_in_words(start, reconcile):
    run, out = start("two_questions"), io.StringIO()
    call_command("reconcile", stdout=out)
    first, *_, last = out.getvalue().splitlines()
    assert first == f"two_questions {run.thread_id}: The tickets are what the graph waits for."
    assert last.endswith("mended: 0.")


class TestRepairThread:
    def test_the_question_is_asked_again(self, start, resume, alice):
        run = start("fussy")
        resume(decide(Ticket.objects.get(), alice, "reject"))
        out = io.StringIO()
        call_command("repair_thread", run.thread_id, stdout=out)
        ticket = Ticket.objects.pending().get()
        assert out.getvalue().splitlines() == [
            f"fussy {run.thread_id}: asked again.",
            f"  ticket {ticket.pk}: ask",
        ]

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [("succeeded", "is succeeded; that is possible only while"), ("cancelled", "is cancelled")],
    )
    def test_what_is_over_is_refused(self, start, status, sentence):
        run = start("two_questions")
        Run.objects.update(status=status)
        with pytest.raises(CommandError, match=sentence) as refused:
            call_command("repair_thread", run.thread_id)
        assert refused.value.returncode == 2
        assert Run.objects.get().status == status

    def test_an_unknown_thread_is_refused(self, runtime):
        with pytest.raises(CommandError, match="There is no run with the thread id “nowhere”") as refused:
            call_command("repair_thread", "nowhere")
        assert refused.value.returncode == 2
