"""A process that drives runs can be proven dead, and is never taken for dead while it may still act."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from agents import workers
from agents.models import Worker

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = {"machine": "another kernel"}
LONG_SILENT = {"seen_at": "2020-01-01T00:00Z"}


@pytest.fixture
def me():
    """This process, enrolled."""
    with workers.enrolled("worker"):
        yield workers.name()


@pytest.fixture
def child():
    """Another process of this machine."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def row(**facts):
    known = {"name": "other:1:x", "kind": "worker", "host": "other", "pid": os.getpid(), **facts}
    return Worker.objects.create(**known).name


def neighbour(process):
    return row(pid=process.pid, machine=workers._machine(), born=workers._born(process.pid), **LONG_SILENT)


def test_nothing_is_known_of_a_stranger(db):
    assert not workers.is_dead("stranger:1:x")


class TestGoodbye:
    """What a process says of itself is believed where the kernel cannot be asked."""

    @pytest.fixture
    def enrolment(self, db):
        enrolment = workers.Enrolment("worker")
        enrolment.start()
        Worker.objects.update(**ELSEWHERE)
        yield enrolment
        enrolment.stop()

    def test_who_said_it_is_dead(self, enrolment):
        assert not workers.is_dead(workers.name())
        enrolment.stop()
        assert workers.is_dead(workers.name())

    def test_it_is_not_said_while_a_tool_is_at_work(self, enrolment, caplog):
        with workers.acting():
            enrolment.stop()
            Worker.objects.update(**LONG_SILENT)
            assert not workers.is_dead(workers.name())
        assert "still at work" in caplog.text


class TestOnThisMachine:
    def test_one_that_runs_is_alive_however_silent(self, db, child):
        assert not workers.is_dead(neighbour(child))

    def test_one_that_is_stopped_is_alive(self, db, child):
        child.send_signal(signal.SIGSTOP)
        assert not workers.is_dead(neighbour(child))

    def test_one_that_was_killed_is_dead_at_once(self, db, child):
        name = neighbour(child)
        child.kill()
        child.wait()
        assert workers.is_dead(name)

    def test_one_that_nobody_has_buried_yet_is_dead(self, db, child):
        name = neighbour(child)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert workers.is_dead(name)

    def test_one_that_said_goodbye_and_hangs_in_a_tool_is_alive(self, db, child):
        name = neighbour(child)
        Worker.objects.update(ended_at=LONG_SILENT["seen_at"])
        assert not workers.is_dead(name)

    def test_another_process_under_its_number_is_not_it(self, db, child):
        assert workers.is_dead(row(pid=child.pid, machine=workers._machine(), born=1))


class TestElsewhere:
    def test_one_that_gives_signs_of_life_is_alive(self, db):
        assert not workers.is_dead(row(**ELSEWHERE))

    def test_one_that_is_silent_and_whose_session_is_gone_is_dead(self, db):
        assert workers.is_dead(row(**ELSEWHERE, **LONG_SILENT))

    def test_one_whose_session_stands_is_alive_however_silent(self, me):
        Worker.objects.update(**ELSEWHERE, **LONG_SILENT)
        assert not workers.is_dead(me)


def test_a_lost_session_is_taken_up_again(monkeypatch, transactional_db):
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.02)
    with workers.enrolled("worker"):
        Worker.objects.update(**ELSEWHERE)
        cut = sessions()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", cut)
        while not sessions() or sessions() == cut:
            pass
        Worker.objects.update(**LONG_SILENT)
        assert not workers.is_dead(workers.name())


def sessions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", [workers.LOCK])
        return [pid for (pid,) in cursor.fetchall()]
