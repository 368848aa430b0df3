"""Web processes that are killed under a vote, agents that are killed while they ask, and votes at the last moment."""

from __future__ import annotations

import threading
from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell, cell
from tests.faults.lanes import SIGNERS, Asked, Lane

VOTED = {"approve": 1}


def kill_web(lane: Lane, *, place: str, vote: int, kept: bool) -> None:
    """The web process dies under a vote. It is there or it is not, with its entry and its job; asked again, it is."""
    asked = lane.ask()
    for person in SIGNERS[: vote - 1]:
        assert lane.decide(person, asked) == 302
    assert lane.web
    lane.web.kill()
    web = lane.serve(f"{place}=kill")
    person = SIGNERS[vote - 1]
    assert lane.decide(person, asked) == 0
    web.until_ended()
    _check_whole(lane, asked, votes=vote if kept else vote - 1)
    lane.serve()
    assert lane.decide(person, asked) == (409 if kept else 302)
    for other in SIGNERS[vote:]:
        assert lane.decide(other, asked) == 302
    lane.worker()
    outcomes.once(lane, asked)


def _check_whole(lane: Lane, asked: Asked, *, votes: int) -> None:
    """Votes, entries, state and job tell the same story."""
    found = lane.rows(
        """
        SELECT state,
          (SELECT count(*) FROM approvals_decision d WHERE d.ticket_id = t.id) AS votes,
          (SELECT count(*) FROM approvals_auditentry e
             WHERE e.ticket_id = t.id AND e.type = 'decision.recorded') AS told,
          (SELECT count(*) FROM procrastinate_jobs j WHERE j.task_name = 'agents.resume'
             AND (j.args->>'ticket_id')::int = t.id) AS jobs
        FROM approvals_ticket t WHERE id = %s
        """,
        asked.ticket,
    )[0]
    is_released = votes == len(SIGNERS)
    state = "approved" if is_released else "pending"
    assert found == {"state": state, "votes": votes, "told": votes, "jobs": int(is_released)}, found


def kill_agent(lane: Lane, *, place: str) -> None:
    """The agent's process dies while it asks; a worker takes the run up and asks once."""
    thread = lane.begin(orders=f"{place}=kill")
    lane.worker()
    lane.until_run(thread, "paused")
    asked = lane.asked(thread)
    assert len(lane.rows("SELECT 1 FROM approvals_ticket WHERE thread_id = %s", thread)) == 1
    lane.approve(asked)
    outcomes.once(lane, asked)


@cell("m2–m3", "the deadline at the instant of the last vote")
def expiry_against_vote(lane: Lane) -> None:
    asked = lane.ask()
    lane.worker()
    assert lane.decide("alice", asked) == 302
    soon = "UPDATE approvals_ticket SET deadline_at = clock_timestamp() + interval '0.4 s' WHERE id = %s RETURNING 1"
    lane.rows("SET session_replication_role = replica")  # only time does that
    lane.rows(soon, asked.ticket)
    lane.rows("RESET session_replication_role")
    threading.Event().wait(0.38)
    voted = lane.decide("bob", asked)
    run = lane.until_run(asked.thread, "succeeded", "failed", "rejected")
    ticket, effects = lane.ticket(asked.thread), len(lane.effects(asked.thread))
    assert (ticket["state"], effects, voted) in {("approved", 1, 302), ("expired", 0, 409)}, (
        run,
        ticket["state"],
        voted,
    )


@cell("m3", "a signer leaves the group after the release, before the claim")
def signer_leaves(lane: Lane) -> None:
    asked = lane.ask()
    lane.approve(asked)
    gone = lane.rows(
        "DELETE FROM auth_user_groups WHERE user_id = (SELECT id FROM auth_user WHERE username = 'bob') RETURNING *"
    )
    try:
        lane.worker()
        lane.until_state(asked.ticket, "pending")
        outcomes.nothing(lane, asked)
    finally:
        back = "INSERT INTO auth_user_groups (user_id, group_id) VALUES (%s, %s)"
        for row in gone:
            lane.rows(back, row["user_id"], row["group_id"])


def _add(moment: str, fault: str, act: object) -> None:
    CELLS.append(Cell(moment=moment, fault=fault, act=act))  # type: ignore[arg-type]


_add("m1", "SIGKILL agent at ticket_written", partial(kill_agent, place="ticket_written"))
_add("m1", "SIGKILL agent at settled", partial(kill_agent, place="settled"))
_add("m2", "SIGKILL web at vote_written", partial(kill_web, place="vote_written", vote=1, kept=False))
_add("m2", "SIGKILL web at vote_committed", partial(kill_web, place="vote_committed", vote=1, kept=True))
_add("m3", "SIGKILL web at quorum_written", partial(kill_web, place="quorum_written", vote=2, kept=False))
_add("m3", "SIGKILL web at quorum_enqueued", partial(kill_web, place="quorum_enqueued", vote=2, kept=False))
_add("m3", "SIGKILL web at vote_committed", partial(kill_web, place="vote_committed", vote=2, kept=True))
