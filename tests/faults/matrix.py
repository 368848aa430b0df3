"""Plays cells in several lanes at once, because most of a cell is waiting for a lease to run out."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from tests.faults import (  # noqa: F401 - they put their cells on the list
    clocks,
    disks,
    jobs,
    people,
    remote,
    restores,
    settling,
    standbys,
    threads,
    tools,
    weather,
    wires,
    workers,
)
from tests.faults.cells import CELLS, Cell
from tests.faults.lanes import Lane
from tests.faults.stage import Stage

#: With more, the processes of a small machine wait for each other longer than the deadlines of their calls.
LANES = 4


class Matrix:
    """Cells under way; each has a future with the figures it measured, or what it found broken."""

    def __init__(self, stage: Stage, cells: Sequence[Cell], *, lanes: int = LANES) -> None:
        self.results: dict[str, Future[dict[str, list[float]]]] = {str(cell): Future() for cell in cells}
        steady = [cell for cell in cells if not cell.shakes]
        shaking = [cell for cell in cells if cell.shakes]
        servers = [(stage.steady, steady)] * min(lanes, len(steady))
        servers += [(server, shaking) for server in stage.shaken[: len(shaking)]]
        waiting = {id(steady): _queue(steady), id(shaking): _queue(shaking)}
        self._pool = ThreadPoolExecutor(max_workers=len(servers) or 1)
        for number, (server, theirs) in enumerate(servers, start=1):
            lane = Lane(stage=stage, server=server, name=f"lane{number}")
            self._pool.submit(self._play, lane, waiting[id(theirs)])

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _play(self, lane: Lane, waiting: queue.SimpleQueue[Cell]) -> None:
        try:
            lane.furnish()
            with suppress(queue.Empty):
                while True:
                    cell = waiting.get_nowait()
                    self._play_one(lane, cell)
        except BaseException as error:
            # The lane itself is broken: whatever nobody else takes must not wait for ever.
            with suppress(queue.Empty):
                while True:
                    self.results[str(waiting.get_nowait())].set_exception(error)
        finally:
            lane.close()

    def _play_one(self, lane: Lane, cell: Cell) -> None:
        began, result = time.monotonic(), self.results[str(cell)]
        lane.figures = {}
        try:
            cell.act(lane)
            broken = lane.broken_promises()
            assert not broken, broken
        except BaseException as error:
            error.add_note("\n\n".join(f"--- {hand.name}\n{hand.said(12)}" for hand in lane.hands[-4:]))
            result.set_exception(error)
        else:
            result.set_result({**lane.figures, "seconds": [time.monotonic() - began]})
        finally:
            lane.tidy_up()


def _queue(cells: Sequence[Cell]) -> queue.SimpleQueue[Cell]:
    waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
    for cell in cells:
        waiting.put(cell)
    return waiting


__all__ = ["CELLS", "Cell", "Matrix"]
