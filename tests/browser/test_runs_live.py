"""An open run and the open list of runs follow what other processes do."""

from __future__ import annotations

import uuid

import pytest

from agents.models import Run
from tests import daphne, factories
from tests.audit.hands import unguarded
from tests.browser.stage import elsewhere, shown, sign_in
from tests.browser.windows import needs_chromium

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def thread_id(db, dave):
    """A paused run of Dave's, as the worker leaves it."""
    from agents import checkpoints, runner
    from approvals.models import Ticket

    elsewhere(checkpoints.setup_sync)
    thread = str(uuid.uuid4())
    elsewhere(
        runner.start_sync,
        graph="decide_execute",
        input={"request": "transfer 20 to bob"},
        thread_id=thread,
        requester_id=dave.pk,
    )
    assert Ticket.objects.filter(thread_id=thread).exists()
    return thread


def resume(thread):
    from agents import runner
    from approvals.models import Ticket

    runner.resume_sync(thread, Ticket.objects.filter(thread_id=thread).first().pk)
    return Run.objects.get(thread_id=thread)


def test_an_open_run_moves_by_itself_and_what_was_opened_stays_open(page, thread_id, dave, alice, test_database):
    from approvals.models import Ticket

    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, dave)
        page.goto(f"{address}/runs/{thread_id}/")
        shown(page, "#live-status", "Live")
        page.locator(".step__fold summary").first.click()
        shown(page, ".step__fold[open] h3 >> nth=0", "approval_status")
        elsewhere(factories.decide, Ticket.objects.get(thread_id=thread_id), alice)
        elsewhere(resume, thread_id)
        shown(page, "#run-head", "Succeeded")
        shown(page, "#run-steps", "execute ran")
        shown(page, ".step__fold[open] h3 >> nth=0", "approval_status")
    assert not [problem for problem in page.problems if "WebSocket" not in problem]


def test_a_new_run_and_its_end_appear_in_the_list(page, thread_id, dave, alice, test_database):
    from approvals.models import Ticket

    thread = Run.objects.get(thread_id=thread_id)
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, dave)
        page.goto(f"{address}/runs/")
        shown(page, "#live-status", "Live")
        shown(page, f"#run-row-{thread.pk}", "Paused")
        newer = elsewhere(start_another, dave)
        shown(page, f"#run-row-{newer.pk}", "Paused")
        elsewhere(factories.decide, Ticket.objects.get(thread_id=thread_id), alice)
        elsewhere(resume, thread_id)
        shown(page, f"#run-row-{thread.pk}", "Succeeded")
        assert page.locator("#runs-list li").count() == 2
    assert not [problem for problem in page.problems if "WebSocket" not in problem]


def start_another(dave):
    from agents import runner

    return runner.start_sync(
        graph="decide_execute",
        input={"request": "transfer 30 to erin"},
        thread_id=str(uuid.uuid4()),
        requester_id=dave.pk,
    )


def test_steps_of_a_moving_run_appear_although_nobody_announces_them(page, thread_id, dave, test_database):
    Run.objects.filter(thread_id=thread_id).update(status="running")
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, dave)
        page.goto(f"{address}/runs/{thread_id}/")
        shown(page, "#live-status", "Live")
        elsewhere(add_step, thread_id)
        shown(page, "#run-steps", "invented ran")


def add_step(thread):
    """A step as the checkpointer stores it."""
    with unguarded() as superuser:
        superuser.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, type, checkpoint, metadata)"
            """ VALUES (%s, '', 'f', 'json', '{"ts": "2026-01-01T00:00:00+00:00", "versions_seen": {"invented": {}},"""
            """ "updated_channels": []}', '{"source": "loop"}')""",
            [thread],
        )
