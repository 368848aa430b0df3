"""What no job holds: the rows are the truth and a job is a nudge that may get lost.

Every few seconds in every worker; all of it is harmless when several do it at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from django.db.models import BigIntegerField, Exists, OuterRef, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from agents import doubts, jobs, leases, outcomes
from agents.database import in_thread
from agents.errors import GaveUp, Stuck
from agents.leases import ClockTimestamp
from agents.models import Run, RunStatus
from approvals import deadlines, restores, resume, rosters, tallies
from approvals.audit import places, sealing
from approvals.audit.sealer import Sealer
from approvals.models import Ticket
from approvals.notices import gathering, sending
from approvals.webhooks import gathering as webhook_gathering
from approvals.webhooks import sending as webhook_sending

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 3.0
#: The job of a deadline waits while every slot of a worker is taken by a long run; people were told a time.
DEADLINE_SECONDS = 1.0
#: A job is usually faster than this.
GRACE = timedelta(seconds=3)
#: procrastinate's worker beats as often as a lease is renewed; three missed beats and its jobs belong to nobody.
STALLED_SECONDS = leases.TTL.total_seconds()
LIMIT = 200
#: What cannot be done for this long may be this process's own fault.
GIVE_UP_SECONDS = 300.0


async def forever(*, period: float = PERIOD_SECONDS, deadline_period: float = DEADLINE_SECONDS) -> None:
    """Sweep until cancelled. What goes wrong is logged: the next round may do better.

    Raises GaveUp when one of them has done nothing but fail for GIVE_UP_SECONDS, and Stuck when a tool hangs for
    good: a new process may do better.
    """
    seals, sender, hooks = Sealer(), sending.Sender(), webhook_sending.Sender()
    await asyncio.gather(
        _every(period, once),
        _every(deadline_period, keep_deadlines),
        _every(period, look_for_signers),
        _every(sealing.PERIOD_SECONDS, lambda: in_thread(seals.round)),
        _every(sealing.PERIOD_SECONDS, look_for_restores),
        _every(sending.PERIOD_SECONDS, lambda: tell_people(sender)),
        _every(sending.PERIOD_SECONDS, lambda: tell_programs(hooks)),
        _every(places.PERIOD_SECONDS, bring_heads),
        _every(tallies.PERIOD_SECONDS, count_days),
        _until_stuck(period),
    )


async def _every(seconds: float, sweep: Callable[[], Awaitable[None]]) -> None:
    worked_at, failures = time.monotonic(), 0
    while True:
        try:
            await sweep()
            worked_at, failures = time.monotonic(), 0
        except Exception as error:
            failures += 1
            # What is away stays away for a while, and one traceback tells as much as a hundred.
            words = "The sweep failed, the %d. time in a row, and will be tried again: %s"
            logger.warning(words, failures, error, exc_info=failures == 1)
            if time.monotonic() - worked_at > GIVE_UP_SECONDS:
                raise GaveUp(what="The sweep", why=error) from error
        await asyncio.sleep(seconds)


async def _until_stuck(seconds: float) -> None:
    """A thread cannot be ended: a process that holds a tool past its deadline makes way for another."""
    while not outcomes.is_stuck():
        await asyncio.sleep(seconds)
    logger.error("%s", Stuck())
    raise Stuck


async def keep_deadlines() -> None:
    """Deadlines that have passed, whatever became of their jobs."""
    await in_thread(deadlines.expire_overdue)


async def look_for_signers() -> None:
    """Tickets whose groups have changed."""
    await in_thread(rosters.review)


async def tell_people(sender: sending.Sender) -> None:
    """Who is to be told of what has happened, and messages that are due."""
    await in_thread(gathering.gather)
    await in_thread(sender.round)


async def tell_programs(sender: webhook_sending.Sender) -> None:
    """Webhooks."""
    await in_thread(webhook_gathering.gather)
    await in_thread(sender.round)


async def look_for_restores() -> None:
    """A database that may have forgotten what was done."""
    await in_thread(restores.look)


async def bring_heads() -> None:
    """The newest signed head, to every place outside that lacks it."""
    await in_thread(places.bring)


async def count_days() -> None:
    """Days that are over, for the figures."""
    await in_thread(tallies.keep)


async def once() -> None:
    """Lost jobs, dead workers. It drives no graph itself: a slow one would keep the others waiting."""
    await _retry_stalled()
    await in_thread(nudge_undelivered)
    await in_thread(nudge_runs)
    await in_thread(doubts.offer)


def nudge_undelivered() -> int:
    """A job for each decided ticket that has none; how many."""
    going_on = [RunStatus.PAUSED, RunStatus.RUNNING]
    unfinished = Run.objects.filter(thread_id=OuterRef("thread_id"), status__in=going_on)
    job = ProcrastinateJob.objects.alias(ticket_id=Cast(KT("args__ticket_id"), BigIntegerField())).filter(
        task_name=resume.TASK_NAME, status__in=["todo", "doing"], ticket_id=OuterRef("pk")
    )
    asked = Ticket.objects.pending().filter(about=None)
    sibling = asked.filter(thread_id=OuterRef("thread_id"), interrupt_id=OuterRef("interrupt_id"))
    late = Ticket.objects.undelivered().filter(resolved_at__lte=ClockTimestamp() - GRACE)
    lost = (
        late.filter(Exists(unfinished) | Q(about__isnull=False)).exclude(Exists(job)).exclude(Exists(sibling))[:LIMIT]
    )
    for ticket in lost:
        logger.info("No job held ticket %s; one does now", ticket.pk)
        resume.enqueue(ticket)
    return len(lost)


def nudge_runs() -> int:
    """A job for each run that nobody drives and that does not wait for people; how many.

    As many as the worker has room for go on at once, and one that cannot go on waits ever longer.
    """
    queued = Q(leases.is_free(), status=RunStatus.QUEUED, updated_at__lte=ClockTimestamp() - GRACE)
    dead = Q(leases.is_free(), status=RunStatus.RUNNING)
    job = ProcrastinateJob.objects.alias(thread=KT("args__thread_id")).filter(
        task_name=jobs.DRIVE_TASK_NAME, status__in=["todo", "doing"], thread=OuterRef("thread_id")
    )
    lost = list(Run.objects.filter(queued | dead).exclude(Exists(job)).values_list("thread_id", flat=True)[:LIMIT])
    for thread_id in lost:
        logger.info("Nobody drove run %s; a job asks for it now", thread_id)
        jobs.enqueue(thread_id)
    return len(lost)


async def _retry_stalled() -> None:
    """Give the jobs of dead workers to living ones.

    Safe here only because a repeated job re-enters our own protocol, which never runs an action twice.
    """
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        await app.job_manager.retry_job(job)
