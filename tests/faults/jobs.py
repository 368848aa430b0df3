"""Jobs that come twice, late, early, out of order or never, and workers that nobody tells."""

from __future__ import annotations

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.lanes import LISTENING, Asked, Lane, now

AGAIN = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status)
SELECT 'resume', 'agents.resume', NULL, jsonb_build_object('thread_id', %s::text, 'ticket_id', %s::int), 'todo'
FROM generate_series(1, %s)
"""


def deliver(lane: Lane, asked: Asked, *, times: int) -> None:
    """More of the job that resumes this ticket's run, with no lock to keep them apart."""
    lane.rows(AGAIN, asked.thread, asked.ticket, times)
    lane.rows('SELECT pg_notify(\'procrastinate_queue_v1#resume\', \'{"type": "job_inserted", "job_id": 0}\')')


def until_no_job_is_left(lane: Lane) -> None:
    """Everything that was asked for has been looked at."""
    lane.until_rows(
        "SELECT 1 WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'agents.resume' "
        "AND status IN ('todo', 'doing'))"
    )


@cell("m3–m11", "the job delivered six times, to two workers at once")
def job_again_and_again(lane: Lane) -> None:
    asked = lane.ask("slow")
    lane.worker()
    lane.worker()
    lane.approve(asked)
    deliver(lane, asked, times=5)
    outcomes.once(lane, asked)
    until_no_job_is_left(lane)
    outcomes.once(lane, asked)


@cell("m11", "the job delivered late, to a run that is over")
def late_job(lane: Lane) -> None:
    asked = lane.ask()
    lane.worker()
    lane.approve(asked)
    outcomes.once(lane, asked)
    before = lane.run(asked.thread)
    deliver(lane, asked, times=3)
    until_no_job_is_left(lane)
    outcomes.once(lane, asked)
    assert lane.run(asked.thread)["lease_token"] == before["lease_token"], "somebody touched the run"


@cell("m2", "the job delivered before enough have signed")
def early_job(lane: Lane) -> None:
    asked = lane.ask()
    lane.worker()
    assert lane.decide("alice", asked) == 302
    deliver(lane, asked, times=3)
    until_no_job_is_left(lane)
    outcomes.nothing(lane, asked)
    assert lane.decide("bob", asked) == 302
    outcomes.once(lane, asked)


@cell("m3", "the job delivered after the ticket was refused")
def job_of_a_refused_ticket(lane: Lane) -> None:
    asked = lane.ask()
    lane.worker()
    assert lane.decide("alice", asked, "reject", message="not to him") == 302
    lane.until_run(asked.thread, "succeeded", "rejected")
    deliver(lane, asked, times=3)
    until_no_job_is_left(lane)
    outcomes.nothing(lane, asked)


@cell("m3", "the jobs of two tickets out of order")
def jobs_out_of_order(lane: Lane) -> None:
    first, second = lane.ask(), lane.ask()
    lane.approve(first)
    lane.approve(second)
    lane.rows("DELETE FROM procrastinate_jobs")
    for asked in (second, first, second, first):
        deliver(lane, asked, times=1)
    lane.worker()
    outcomes.once(lane, first)
    outcomes.once(lane, second)


@cell("m3", "the job lost")
def lost_job(lane: Lane) -> None:
    asked = lane.ask()
    lane.approve(asked)
    lane.rows("DELETE FROM procrastinate_jobs")
    lane.worker()
    outcomes.once(lane, asked)


@cell("m3", "the LISTEN connection of the worker cut")
def listen_cut(lane: Lane) -> None:
    asked = lane.ask()
    lane.listening_worker()
    for backend in lane.rows(LISTENING):
        lane.rows("SELECT pg_terminate_backend(%s)", backend["pid"])
    lane.approve(asked)
    decided = now()
    outcomes.once(lane, asked)
    lane.note("decided_to_effect_without_listen", lane.effects(asked.thread)[0]["at"] - decided)


@cell("m3", "every notification lost")
def notify_lost(lane: Lane) -> None:
    asked = lane.ask()
    lane.listening_worker()
    tell = "ALTER TABLE procrastinate_jobs {} TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1"
    lane.rows(tell.format("DISABLE"))
    try:
        lane.approve(asked)
        outcomes.once(lane, asked)
    finally:
        lane.rows(tell.format("ENABLE"))


@cell("m3–m11", "two workers on one thread, no fault at all")
def two_workers(lane: Lane) -> None:
    lane.listening_worker()
    lane.listening_worker()
    for _ in range(3):
        asked = lane.ask()
        lane.approve(asked)
        decided = now()
        outcomes.once(lane, asked)
        # The effect may come before the answer does.
        lane.note("decided_to_effect", max(0.0, lane.effects(asked.thread)[0]["at"] - decided))
