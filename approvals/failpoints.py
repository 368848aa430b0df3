"""Named places where a test can have this process killed or stopped, to see what the next one makes of it.

Off unless `COUNTERSIGN_FAILPOINTS` names some: `claim_committed=kill,before_put=stop@2` kills the process at the
first and stops it (SIGSTOP; SIGCONT lets it go on) the second time it comes to the other. Each place acts once.
Where, who and when is appended to the file `COUNTERSIGN_FAILPOINTS_LOG` before anything happens.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import ImproperlyConfigured

VARIABLE = "COUNTERSIGN_FAILPOINTS"
LOG = "COUNTERSIGN_FAILPOINTS_LOG"
ACTS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Point(StrEnum):
    """Every place, in the order in which a ticket comes to them. “Written” is before the commit."""

    TICKET_WRITTEN = "ticket_written"
    #: Still inside the transaction of whoever asked.
    TICKET_OPENED = "ticket_opened"
    VOTE_WRITTEN = "vote_written"
    #: Released, its job not deferred yet.
    QUORUM_WRITTEN = "quorum_written"
    #: Released with its job, not committed.
    QUORUM_ENQUEUED = "quorum_enqueued"
    VOTE_COMMITTED = "vote_committed"
    LEASE_TAKEN = "lease_taken"
    #: The ticket's answer, claimed for its graph.
    CLAIM_WRITTEN = "claim_written"
    CLAIM_COMMITTED = "claim_committed"
    #: The effect in the ledger.
    EFFECT_CLAIMED = "effect_claimed"
    #: For tools that tests bring: no product code comes here.
    DURING_EFFECT = "during_effect"
    EFFECT_DONE = "effect_done"
    EFFECT_RECORDED = "effect_recorded"
    BEFORE_PUT_WRITES = "before_put_writes"
    AFTER_PUT_WRITES = "after_put_writes"
    BEFORE_PUT = "before_put"
    AFTER_PUT = "after_put"
    OUTCOME_WRITTEN = "outcome_written"
    #: The outcome, new tickets and where the run stands, committed; nothing is left to deliver.
    SETTLED = "settled"
    #: A person says what became of an effect that is in doubt.
    RECONCILE_WRITTEN = "reconcile_written"
    RECONCILE_COMMITTED = "reconcile_committed"
    #: Entries with their places and a signed head over them, not committed.
    SEAL_WRITTEN = "seal_written"


@dataclass(kw_only=True)
class Trap:
    """What happens at a place, and how often it must be passed first."""

    act: signal.Signals
    passes: int = 0


_armed: dict[str, Trap] = {}
_log = ""


def reach(point: Point) -> None:
    """Say that the process is here. Does nothing unless a test has asked for this place."""
    trap = _armed.get(point)
    if trap is None:
        return
    trap.passes -= 1
    if trap.passes == -1:
        _note(point, trap.act)
        # To this thread: a stop that another one hears of first would let this one commit meanwhile.
        signal.pthread_kill(threading.get_ident(), trap.act)


def arm(orders: str, *, log: str = "", address: str = "") -> None:
    """From now on do what the orders say, and nothing else.

    Raises ImproperlyConfigured for an order that makes no sense, and for any where people work (https): no
    leftover variable may kill their processes.
    """
    global _log
    traps = dict(_read(order.strip()) for order in orders.split(",") if order.strip())
    if traps and address.startswith("https:"):
        raise ImproperlyConfigured(f"{VARIABLE} kills processes on purpose; it is for tests, not for {address}.")
    _armed.clear()
    _armed.update(traps)
    _log = log


def _read(order: str) -> tuple[str, Trap]:
    name, _, what = order.partition("=")
    act, _, number = what.partition("@")
    if name not in set(Point) or act not in ACTS or not (number or "1").isdecimal() or number == "0":
        raise ImproperlyConfigured(f"{VARIABLE} must look like claim_committed=kill,before_put=stop@2, not {order!r}.")
    return name, Trap(act=ACTS[act], passes=int(number or 1) - 1)


def _note(point: Point, act: signal.Signals) -> None:
    if not _log:
        return
    log = os.open(_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, f"{point} {act.name} {os.getpid()} {time.time():.6f}\n".encode())
    os.close(log)
