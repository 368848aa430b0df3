"""Workers that are killed, or stopped past their lease and woken, wherever a run comes by."""

from __future__ import annotations

import signal
from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell
from tests.faults.hands import Hand
from tests.faults.lanes import Asked, Lane, now

#: The moment and the place; in the middle ones how many effects there are by then.
BEFORE = (("m4", "lease_taken"), ("m5", "claim_written"), ("m5", "claim_committed"))
DURING = (
    ("m6", "effect_claimed", 0),
    ("m7", "during_effect", 1),
    ("m7", "effect_done", 1),
    ("m7", "outcome_written", 1),
)
#: Armed from the effect on: a run comes by these places before it, too.
AFTER = (
    ("m8", "effect_recorded"),
    ("m9", "before_put_writes"),
    ("m10", "after_put_writes"),
    ("m10", "before_put"),
    ("m11", "after_put"),
    ("m11", "settled"),
)


def kill(lane: Lane, *, place: str, armed_later: bool, doubt: int | None) -> None:
    """A worker dies there; another one takes the run up."""
    asked, victim = _until_there(lane, place, act="kill", armed_later=armed_later)
    victim.until_ended()
    died = lane.reached(victim)
    lane.worker()
    if doubt is None:
        outcomes.once(lane, asked)
        lane.note("killed_to_done", now() - died)
    else:
        outcomes.in_doubt(lane, asked, effects=doubt)
        lane.note("killed_to_doubt", now() - died)
        lane.until_rows("SELECT 1 FROM approvals_ticket WHERE about_id = %s AND state = 'pending'", asked.ticket)
        lane.note("killed_to_question", now() - died)


def stop(lane: Lane, *, place: str, armed_later: bool, doubt: int | None) -> None:
    """A worker stands still there until its lease is over and another has taken the run up; then it wakes."""
    asked, zombie = _until_there(lane, place, act="stop", armed_later=armed_later)
    zombie.until_stopped()
    lane.worker()
    if doubt is None:
        outcomes.once(lane, asked)
    else:
        outcomes.in_doubt(lane, asked, effects=doubt)
    before = _written(lane, asked)
    zombie.send(signal.SIGCONT)
    zombie.end()  # told to, it ends what it has begun first
    # What the zombie had begun may still happen; nobody can call that back.
    allowed = {1} if doubt is None else {doubt, 1}
    assert len(lane.effects(asked.thread)) in allowed
    assert _written(lane, asked) == before, "the zombie has written"


def _until_there(lane: Lane, place: str, *, act: str, armed_later: bool) -> tuple[Asked, Hand]:
    order = f"{place}={act}"
    asked = lane.ask()
    worker = lane.worker("" if armed_later else order, then=order if armed_later else "")
    lane.approve(asked)
    return asked, worker


def _written(lane: Lane, asked: Asked) -> tuple[object, ...]:
    """All that a worker writes of a run, and its lease."""
    run = lane.run(asked.thread)
    steps = lane.rows("SELECT checkpoint_id FROM checkpoints WHERE thread_id = %s ORDER BY 1", asked.thread)
    writes = lane.rows("SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s", asked.thread)
    ticket = lane.ticket(asked.thread)
    return run["status"], run["lease_token"], ticket["execution"], ticket["result"], str(steps), str(writes)


def _listed() -> None:
    for act, words in ((kill, "SIGKILL worker"), (stop, "SIGSTOP worker past its lease, SIGCONT")):
        for moment, place in BEFORE:
            _add(moment, f"{words} at {place}", partial(act, place=place, armed_later=False, doubt=None))
        for moment, place, effects in DURING:
            _add(moment, f"{words} at {place}", partial(act, place=place, armed_later=False, doubt=effects))
        for moment, place in AFTER:
            _add(moment, f"{words} at {place}", partial(act, place=place, armed_later=True, doubt=None))


def _add(moment: str, fault: str, act: object) -> None:
    CELLS.append(Cell(moment=moment, fault=fault, act=act))  # type: ignore[arg-type]


_listed()
