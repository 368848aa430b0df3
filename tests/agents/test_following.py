"""`run_agent --wait`: one line for each change, a moving picture for a terminal, and a way out."""

from __future__ import annotations

import io
import json
import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from agents import following, terminal
from agents.following import Follower, Look
from agents.models import Run
from approvals.models import Ticket
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = "\x1b[2Jpay\u202e"


@pytest.fixture
def out():
    """What the command has said so far."""
    return io.StringIO()


@pytest.fixture
def wait(runtime, project, cast, out):
    """Call `run_agent --wait`; returns its exit code, stdout and stderr."""

    def wait(*arguments):
        before, err = out.tell(), io.StringIO()
        try:
            call_command("run_agent", *arguments, stdout=out, stderr=err)
        except SystemExit as stop:
            return stop.code, out.getvalue()[before:], err.getvalue()
        return 0, out.getvalue()[before:], err.getvalue()

    return wait


@pytest.fixture
def decided_meanwhile(resume, out):
    """Somebody approves what the command says is asked, and a worker resumes it, while the command waits."""
    threads = []

    def decided_meanwhile(reviewer):
        def work():
            deadline = time.monotonic() + 30
            while "/tickets/" not in out.getvalue() and time.monotonic() < deadline:
                time.sleep(0.05)
            resume(decide(Ticket.objects.pending().get(), reviewer))
            connections.close_all()

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield decided_meanwhile
    for thread in threads:
        thread.join()


def test_a_followed_run_tells_each_change_once_until_its_end(wait, decided_meanwhile, alice, settings):
    make_policy("Transfers", action="transfer_money", risk="medium", requirements={"reviewers": 1})
    decided_meanwhile(alice)
    code, out, _ = wait("operations", "--message", "transfer 20 to bob", "--requester", "dave", "--wait", "60")
    ticket = Ticket.objects.get()
    lines = [line.partition(" ")[2] for line in out.splitlines()]
    assert code == 0
    assert lines.count("paused at tools") == 1
    assert any(f"{settings.PUBLIC_URL}/tickets/{ticket.pk}/" in line and "1 of reviewers" in line for line in lines)
    assert f"ticket {ticket.pk}: Transfer 20 to bob: Approved by alice" in lines
    assert lines.index("tools ran; changed messages") < lines.index("succeeded")


def test_with_json_the_object_stands_alone_on_stdout(wait):
    code, out, err = wait("two_questions", "--input", "{}", "--wait", "0.1", "--json")
    assert (code, json.loads(out)["status"]) == (0, "paused")
    assert "paused at pay" in err


def test_a_run_that_goes_on_tells_nothing_of_the_past(wait):
    _, first, _ = wait("two_questions", "--input", "{}", "--thread-id", "again", "--wait", "0.1")
    _, second, _ = wait("two_questions", "--thread-id", "again", "--wait", "0.1")
    assert "The input came in" in first
    assert "The input came in" not in second
    assert "paused at pay" in second


@pytest.mark.parametrize("given", ["abc", "-1", "nan"])
def test_seconds_that_are_none_are_refused(wait, given):
    with pytest.raises(CommandError, match="a number of seconds, 0 or more"):
        wait("two_questions", "--input", "{}", f"--wait={given}")
    assert not Run.objects.exists()


def test_a_message_for_a_graph_that_takes_none_is_refused(wait):
    with pytest.raises(CommandError, match="takes no message; use --input") as refused:
        wait("two_questions", "--message", "pay")
    assert refused.value.returncode == 2
    assert not Run.objects.exists()


def test_control_c_leaves_the_run_as_it_is_and_says_how_to_go_on(wait, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", interrupt)
    code, out, err = wait("two_questions", "--input", "{}", "--thread-id", "left", "--wait", "--json")
    assert code == 130
    assert Run.objects.get().status == "paused"
    assert "run_agent two_questions --thread-id left --wait" in err
    assert json.loads(out)["status"] == "paused"


def test_a_database_that_is_away_for_a_moment_ends_no_wait(runtime, monkeypatch):
    Run.objects.create(thread_id="x", graph="g", status="paused")
    seen = []

    class Watching:
        def show(self, look):
            seen.append(look.run.status)
            if len(seen) == 1:
                raise OperationalError("the server closed the connection")
            Run.objects.update(status="succeeded")

    Follower("x", view=Watching()).until_over(seconds=10)
    assert seen == ["paused", "paused", "succeeded"]


def test_a_terminal_shows_status_steps_and_who_must_sign(start):
    from rich.console import Console

    run = start("two_questions")
    moving = terminal.Moving()
    Follower("nothing", view=moving).look()
    follower = Follower(run.thread_id, view=moving)
    follower.after = ""
    follower.look()
    page = io.StringIO()
    Console(file=page, width=160).print(moving.drawn())
    for words in ("paused at pay", "The input came in", "Pay the bill?", "waits for 1 of reviewers", "24 h"):
        assert words in page.getvalue()


def test_a_run_whose_every_request_was_refused_is_no_green_success(wait, resume, alice):
    from rich.console import Console

    make_policy("Transfers", action="transfer_money", risk="medium", requirements={"reviewers": 1})
    wait("operations", "--message", "transfer 20 to bob", "--thread-id", "refused")
    resume(decide(Ticket.objects.get(), alice, "reject", message="Not today."))
    moving = terminal.Moving()
    Follower("refused", view=moving).look()
    page = io.StringIO()
    Console(file=page, width=160, force_terminal=True).print(moving.drawn())
    assert "ended, nothing approved" in page.getvalue()
    assert "succeeded" not in page.getvalue()
    assert "\x1b[32m" not in page.getvalue()


def test_the_last_words_of_the_command_say_so_too(wait, resume, alice):
    make_policy("Transfers", action="transfer_money", risk="medium", requirements={"reviewers": 1})
    wait("operations", "--message", "transfer 20 to bob", "--thread-id", "refused")
    resume(decide(Ticket.objects.get(), alice, "reject"))
    _, out, _ = wait("operations", "--thread-id", "refused")
    assert "operations refused: ended, nothing approved" in out


def test_hostile_words_move_no_cursor(runtime, dave):
    from django.core.management.base import OutputWrapper
    from rich.console import Console

    ticket = open_ticket(HOSTILE, args={"to": HOSTILE}, thread_id="x", requester=dave)
    run = Run.objects.create(thread_id="x", graph="g", status="paused", waiting_at=[HOSTILE])
    page = io.StringIO()
    moving = terminal.Moving()
    for view in (moving, terminal.Lines(OutputWrapper(page))):
        view.show(Look(run=run, steps=[], tickets=[ticket]))
    Console(file=page, width=160).print(moving.drawn())
    assert "\x1b" not in page.getvalue()
    assert "\u202e" not in page.getvalue()
    assert "⟨U+001B⟩" in page.getvalue()
