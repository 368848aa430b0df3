"""A run that stands in the middle of a step: its worker died, its node raised, or its answer was no good."""

from __future__ import annotations

from agents import deliveries, executions, runs, sessions
from agents.database import in_thread
from agents.models import RunStatus
from agents.sessions import Session
from agents.snapshots import Seen

GONE_ON = "The graph no longer waits for this; it has gone on since."
NEW_INPUT = "A new message replaced the question."
REPAIRED = "The run was repaired, so the question is asked again."


async def recover(session: Session) -> None:
    """Bring a run whose worker is gone to where it would be: paused, finished, or failed with the reason.

    1. What the tools have answered is written down; what may have happened ends the run, for people to look at.
    2. Input that never arrived is given again, and an answer that runs nothing is told again.
    3. A step that was broken off is entered again; one before which the graph stops by itself is asked about.
    """
    seen = await session.thread.look()
    await sessions.write(session, executions.record_known, session.run.thread_id, seen)
    await sessions.refuse_in_doubt(session)
    if _is_lost(session, seen):
        await in_thread(runs.count_recovery, session.lease)
        seen = await sessions.begin(session, session.run.input, seen)
        await sessions.advance(session, seen, stale=NEW_INPUT)
        return
    again = await in_thread(deliveries.claim_again, session.lease, seen)
    if again is not None:
        seen = await sessions.answer(session, again)
    elif await _is_broken_off(session, seen):
        await in_thread(runs.count_recovery, session.lease)
        seen = await sessions.step(session, session.thread.go_on())
    await sessions.advance(session, seen, stale=GONE_ON, done=again)


async def retry(session: Session) -> None:
    """Enter the failed step again. An approved action that raised is tried under the same approval."""
    await in_thread(runs.count_recovery, session.lease)
    await sessions.refuse_in_doubt(session)
    seen = await session.thread.look()
    await in_thread(runs.write, session.lease, status=RunStatus.RUNNING, error="")
    acting = await sessions.write(session, deliveries.start_again, session.run.thread_id, seen)
    lost = None
    if _is_lost(session, seen):
        seen = await sessions.begin(session, session.run.input, seen)
    elif acting or seen.is_broken_off:
        going_on = session.thread.go_on(is_approved=bool(acting))
        seen = await sessions.step(session, going_on, acting=acting)
        lost = await in_thread(deliveries.lost, acting, seen)
    if lost is not None:
        seen = await sessions.answer(session, lost)
    else:
        await sessions.write(session, executions.record, acting, seen)
    await sessions.advance(session, seen, stale=GONE_ON, done=lost)


async def repair(session: Session) -> None:
    """Ask again what the graph asks; answers that it could not use are taken back, their tickets closed.

    Where it asked nothing and stopped by itself, nothing may be entered: new tickets are opened where it stands.
    """
    await in_thread(runs.count_recovery, session.lease)
    await sessions.refuse_in_doubt(session)
    seen = await session.thread.look()
    if not seen.raised and await in_thread(runs.untold, session.run.thread_id) is not None:
        # Somebody decided after this was asked for. Unless the graph is stuck, that is told instead.
        await sessions.advance(session, seen, stale=GONE_ON)
        return
    await in_thread(runs.write, session.lease, status=RunStatus.RUNNING, error="")
    await sessions.write(session, deliveries.take_back, session.run.thread_id, seen)
    if not seen.is_between:
        seen = await sessions.step(session, session.thread.ask_again())
    elif seen.is_broken_off:
        seen = await sessions.step(session, session.thread.go_on())
    else:
        await sessions.write(session, deliveries.withdraw, session.run.thread_id, seen, reason=REPAIRED)
    await sessions.advance(session, seen, stale=REPAIRED)


def _is_lost(session: Session, seen: Seen) -> bool:
    """Did the input never arrive? Then the newest checkpoint is still the one from before it."""
    return not session.run.answering and seen.checkpoint_id == session.run.begun_from


async def _is_broken_off(session: Session, seen: Seen) -> bool:
    """A pause looks the same as a crash, unless its tickets had been opened."""
    if not seen.is_broken_off:
        return False
    return not await in_thread(deliveries.is_known, session.run.thread_id, seen)
