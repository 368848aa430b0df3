"""Named places where a process can be killed or stopped; nothing happens anywhere unless it was asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from approvals import failpoints
from approvals.failpoints import Point

PASSES = "from approvals import failpoints as f; f.arm({!r}, log={!r}); [f.reach(f.Point.SETTLED) for _ in range(3)]"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def passing(orders: str, log: str = "") -> subprocess.Popen[bytes]:
    """A process that comes to one place three times."""
    return subprocess.Popen([sys.executable, "-c", PASSES.format(orders, log)])


@pytest.mark.parametrize("point", Point)
def test_nothing_happens_unasked(point: Point) -> None:
    failpoints.reach(point)


def test_a_process_dies_where_it_was_told_to_and_says_so_first(tmp_path: Path) -> None:
    log = tmp_path / "reached"
    process = passing("settled=kill@3", str(log))
    assert process.wait(20) == -signal.SIGKILL
    point, act, pid, _ = log.read_text().split()
    assert (point, act, int(pid)) == ("settled", "SIGKILL", process.pid)


def test_one_that_does_not_come_there_often_enough_lives() -> None:
    assert passing("settled=kill@4").wait(20) == 0


def test_a_stopped_process_goes_on_when_it_is_woken_and_is_not_stopped_again() -> None:
    process = passing("settled=stop")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    assert process.wait(20) == 0


@pytest.mark.parametrize("orders", ["nowhere=kill", "settled", "settled=burn", "settled=kill@0", "settled=kill@x"])
def test_an_order_that_makes_no_sense_is_refused_by_name(orders: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=orders):
        failpoints.arm(orders)


def test_nothing_starts_with_one_where_people_work() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"not for https://approvals\.example\.com"):
        failpoints.arm("settled=kill", address="https://approvals.example.com")
