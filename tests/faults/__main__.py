"""Plays random fault schedules on databases of its own, and prints what was seen as one JSON object."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults import schedules, stage
from tests.faults.lanes import Lane
from tests.faults.matrix import CELLS, Cell, Matrix
from tests.faults.schedules import Result

#: What was promised of leases of thirty seconds, in seconds: which figure, which of its numbers, at most.
GOALS = (
    ("decided_to_effect", "p50", 0.3),
    ("killed_to_question", "max", 35.0),
    ("killed_to_done", "p99", 45.0),
)


class Seeds:
    """The seeds that are still to be played, for as long as there is time."""

    def __init__(self, first: int, count: int, minutes: float) -> None:
        self._left: Iterator[int] = iter(range(first, first + count))
        self._turn = threading.Lock()
        self._deadline = time.monotonic() + minutes * 60

    def __iter__(self) -> Iterator[int]:
        while time.monotonic() < self._deadline:
            with self._turn:
                seed = next(self._left, None)
            if seed is None:
                return
            yield seed


class Measured(dict[str, list[float]]):
    """Times by name."""

    def add(self, figures: dict[str, list[float]]) -> None:
        """Put those of one cell or schedule to the others."""
        for name, seconds in figures.items():
            self.setdefault(name, []).extend(seconds)

    def spreads(self) -> dict[str, dict[str, float]]:
        """How many, median, 99th percentile and worst of each."""
        return {name: _spread(seconds) for name, seconds in self.items()}


def main() -> int:
    """Set the stage, play, print. Exit code 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--schedules", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the first (0)")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further one after this long")
    parser.add_argument("--lanes", type=int, default=5, help="played at once, beside three that restart Postgres (5)")
    parser.add_argument("--tickets", type=int, default=4, help="payments in one schedule (4)")
    parser.add_argument("--strikes", type=int, default=4, help="things that go wrong in one (4)")
    parser.add_argument("--lease", type=int, default=stage.LEASE_SECONDS, help="seconds of a lease (5)")
    parser.add_argument("--matrix", metavar="WORDS", nargs="*", help="the cells with any of these words instead")
    options = parser.parse_args()
    if options.matrix and not _chosen(options.matrix):
        parser.error(f"no cell has any of these words: {options.matrix}")
    began = time.monotonic()
    with stage.set_up(lease_seconds=options.lease) as where:
        figures = _figures(_play(where, options)) if options.matrix is None else _cells(where, options)
    figures |= {"lease_seconds": options.lease, "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(figures, indent=2))
    return 1 if figures["broken"] else 0


def _chosen(words: list[str]) -> list[Cell]:
    return [cell for cell in CELLS if not words or any(word in str(cell) for word in words)]


def _cells(where: stage.Stage, options: argparse.Namespace) -> dict[str, Any]:
    chosen = _chosen(options.matrix)
    playing, measured, broken = Matrix(where, chosen, lanes=options.lanes), Measured(), {}
    for name, future in playing.results.items():
        try:
            measured.add(future.result())
        except Exception as error:
            broken[name] = "".join(traceback.format_exception(error))
        print(f"{name}: {broken.get(name, 'ok')}", file=sys.stderr, flush=True)
    playing.close()
    spreads = measured.spreads()
    return {"cells": len(chosen), "seconds_of": spreads, "goals": _goals(spreads), "broken": broken}


def _goals(spreads: dict[str, dict[str, float]]) -> dict[str, str]:
    """Each goal that was measured, beside what it came to."""
    told = {}
    for name, which, most in GOALS:
        if name in spreads:
            found = spreads[name][which]
            told[f"{name} {which}"] = f"{found:g} s of {most:g}: {'met' if found <= most else 'missed'}"
    return told


def _play(where: stage.Stage, options: argparse.Namespace) -> list[Result]:
    seeds, results = Seeds(options.seed, options.schedules, options.minutes), []
    servers = [*where.shaken, *itertools.repeat(where.steady, options.lanes)]

    def play(number: int, server: stage.Server) -> None:
        lane = Lane(stage=where, server=server, name=f"lane{number}")
        try:
            lane.furnish()
            for seed in seeds:
                result = schedules.play(lane, seed, tickets=options.tickets, strikes=options.strikes)
                results.append(result)
                print(f"{seed}: {dict(result.ends)} {result.broken or ''}", file=sys.stderr, flush=True)
                lane.tidy_up()
        finally:
            lane.close()

    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        lanes = [pool.submit(play, number, server) for number, server in enumerate(servers, start=1)]
    for lane in lanes:
        lane.result()
    return results


def _figures(results: list[Result]) -> dict[str, Any]:
    ends: Counter[str] = sum((result.ends for result in results), Counter())
    did: Counter[str] = sum((result.did for result in results), Counter())
    measured = Measured()
    for result in results:
        measured.add(result.figures)
    return {
        "schedules": len(results),
        "tickets": sum(ends.values()),
        "ends": dict(ends.most_common()),
        "did": dict(did.most_common()),
        "seconds_of": measured.spreads(),
        "broken": {result.seed: result.broken for result in results if result.broken},
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
        "max": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
