"""Tools that refuse, break off, hang, or answer what nobody can keep."""

from __future__ import annotations

from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell, cell
from tests.faults.lanes import Lane


def broken_off(lane: Lane, *, mode: str) -> None:
    """The exchange began and did not end well: nobody knows."""
    asked = lane.ask(mode)
    lane.worker()
    lane.approve(asked)
    outcomes.in_doubt(lane, asked, effects=1)


def refused(lane: Lane, *, mode: str) -> None:
    """The other side said no, or was never reached: nothing happened."""
    asked = lane.ask(mode)
    lane.worker()
    lane.approve(asked)
    lane.until_execution(asked.thread, "failed", "unknown", "succeeded")
    outcomes.nothing(lane, asked, execution="failed")


@cell("m8", "a result of 5 MB")
def huge(lane: Lane) -> None:
    asked = lane.ask("huge")
    lane.worker()
    lane.approve(asked)
    outcomes.once(lane, asked)


@cell("m8–m9", "a result that cannot be kept")
def unserialisable(lane: Lane) -> None:
    asked = lane.ask("unserialisable")
    lane.worker()
    lane.approve(asked)
    outcomes.once(lane, asked)


@cell("m7", "a tool that hangs")
def hanging(lane: Lane) -> None:
    asked = lane.ask("hang")
    worker = lane.worker()
    lane.approve(asked)
    outcomes.in_doubt(lane, asked, effects=1)
    worker.until_ended(seconds=30)  # its thread cannot be ended, so it makes way for another


for mode in ("timeout", "reset", "5xx", "garbage"):
    CELLS.append(Cell(moment="m7", fault=f"the tool raises: {mode}", act=partial(broken_off, mode=mode)))
for mode in ("refuse", "refuse_connection", "decline"):
    CELLS.append(Cell(moment="m7", fault=f"the tool raises: {mode}", act=partial(refused, mode=mode)))
