"""The database lets only the holder of a run's lease write what belongs to the run."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from agents import checkpoints, fence, leases, runner, runs
from agents.errors import LeaseHeld, LeaseLost, NoFence
from agents.models import Run
from approvals import tickets
from approvals.models import Ticket
from approvals.states import Execution
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)

CONFIG = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
LONG_AGO = "2020-01-01T00:00Z"
INSERT = """
INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob)
VALUES ('t', 'c', 'task', 0, 'said', '')
"""


@pytest.fixture
def run(runtime):
    with connection.cursor() as cursor:
        for table in fence.TABLES:
            cursor.execute(f"TRUNCATE {table}")
    return Run.objects.create(thread_id="t", graph="two_questions", status="running")


@pytest.fixture
def lease(run):
    return leases.take("t", owner="one")


@pytest.fixture
def stale(lease):
    """A worker that was stopped past its lease; nobody has taken the run since."""
    Run.objects.update(lease_expires_at=LONG_AGO)
    return lease


@pytest.fixture
def replaced(stale):
    """As `stale`, and another worker drives the run."""
    leases.take("t", owner="two")
    return stale


def is_refused(error):
    return getattr(error.__cause__, "sqlstate", None) == fence.REFUSED


def save(lease, *, times=1):
    """As LangGraph does with each step: what a task wrote, then the checkpoint with its values."""
    from langgraph.checkpoint.base import empty_checkpoint

    async def step():
        saver = await checkpoints.saver(lease)
        for _ in range(times):
            checkpoint = {**empty_checkpoint(), "channel_values": {"said": ["x"]}}
            checkpoint["channel_versions"] = {"said": "1"}
            config = await saver.aput(CONFIG, checkpoint, {}, {"said": "1"})
            await saver.aput_writes(config, [("said", "y")], "task")

    runner.run_alone(step())


def write(lease):
    async def write():
        saver = await checkpoints.saver(lease)
        config = {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}}
        await saver.aput_writes(config, [("said", "y")], "task")

    runner.run_alone(write())


def rows():
    with connection.cursor() as cursor:
        counts = []
        for table in fence.TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts.append(cursor.fetchone()[0])
    return counts


class TestCheckpoints:
    def test_the_holder_of_the_lease_saves_its_steps(self, lease):
        save(lease, times=2)
        assert rows() == [2, 1, 2]

    def test_a_worker_whose_lease_ran_out_saves_no_checkpoint(self, stale):
        with pytest.raises(LeaseLost):
            save(stale)
        assert rows() == [0, 0, 0]

    def test_nor_one_that_was_replaced(self, replaced):
        with pytest.raises(LeaseLost):
            save(replaced)
        assert rows() == [0, 0, 0]

    def test_nor_what_a_task_wrote(self, replaced):
        with pytest.raises(LeaseLost):
            write(replaced)
        assert rows() == [0, 0, 0]

    def test_nor_one_that_let_the_run_go(self, lease):
        leases.release(lease)
        with pytest.raises(LeaseLost):
            write(lease)

    def test_who_carries_no_token_saves_nothing_of_a_run(self, run):
        with pytest.raises(DatabaseError) as refused, connection.cursor() as cursor:
            cursor.execute(INSERT)
        assert is_refused(refused.value)

    def test_a_thread_that_is_no_run_is_nobodys_to_guard(self, runtime):
        save(None)

    def test_nobody_else_deletes_them(self, lease):
        save(lease)
        with pytest.raises(DatabaseError) as refused, connection.cursor() as cursor:
            cursor.execute("DELETE FROM checkpoints WHERE thread_id = 't'")
        assert is_refused(refused.value)

    def test_a_token_is_not_left_behind_on_a_connection(self, lease, monkeypatch):
        monkeypatch.setattr(checkpoints, "POOL_SIZE", 1)

        async def two():
            await (await checkpoints.saver(lease)).aput_writes(
                {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}}, [("said", "y")], "task"
            )
            async with (await checkpoints._pool()).connection() as left:
                return (await (await left.execute("SELECT current_setting('countersign.fence')")).fetchone()).values()

        assert list(runner.run_alone(two())) == [""]

    def test_a_refusal_leaves_the_connection_in_order(self, stale, monkeypatch):
        monkeypatch.setattr(checkpoints, "POOL_SIZE", 1)

        async def refused_then_read():
            saver = await checkpoints.saver(stale)
            for _ in range(3):
                with pytest.raises(LeaseLost):
                    await saver.aput_writes(
                        {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}}, [("said", "y")], "task"
                    )
            return await saver.aget_tuple(CONFIG)

        assert runner.run_alone(refused_then_read()) is None

    def test_whoever_takes_the_lease_waits_for_no_stopped_writer(self, lease):
        """Its rows are sent and its commit is not: exactly where a SIGSTOP hurts most."""
        with psycopg.connect(**{**checkpoints._parameters(), "autocommit": False}) as stopped:
            stopped.execute("SELECT set_config('countersign.fence', %s, true)", [lease.fence])
            stopped.execute(INSERT)
            Run.objects.update(lease_expires_at=LONG_AGO)
            assert leases.take("t", owner="two").token == 2
            with pytest.raises(psycopg.Error) as refused:
                stopped.commit()
        assert refused.value.sqlstate == fence.REFUSED

    def test_without_its_triggers_no_worker_begins(self, run, lease):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE checkpoint_writes DISABLE TRIGGER agents_fence")
        with pytest.raises(NoFence):
            save(lease)
        checkpoints.setup_sync()
        save(lease)


class TestOutcomes:
    @pytest.fixture
    def ticket(self, start, alice, resume):
        run = start("two_questions")
        ticket = decide(Ticket.objects.get(), alice)
        with transaction.atomic():
            tickets.claim(Ticket.objects.filter(pk=ticket.pk))
        Run.objects.filter(pk=run.pk).update(status="running")
        return ticket

    def outcome(self, ticket):
        tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result="done")

    def known(self, ticket):
        return Ticket.objects.get(pk=ticket.pk).execution

    def test_the_holder_of_the_lease_says_what_became_of_an_action(self, ticket):
        lease = leases.take(ticket.thread_id, owner="one")
        runs.under(lease, self.outcome, ticket)
        assert self.known(ticket) == "succeeded"

    def test_a_worker_that_lost_the_run_says_nothing(self, ticket):
        lease = leases.take(ticket.thread_id, owner="one")
        Run.objects.update(lease_expires_at=LONG_AGO)
        with pytest.raises(LeaseLost):
            runs.under(lease, self.outcome, ticket)
        assert self.known(ticket) == "started"

    @pytest.mark.parametrize("is_replaced", [False, True])
    def test_the_database_refuses_it_as_well(self, ticket, is_replaced):
        lease = leases.take(ticket.thread_id, owner="one")
        Run.objects.update(lease_expires_at=LONG_AGO)
        if is_replaced:
            leases.take(ticket.thread_id, owner="two")
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            carry(lease)
            self.outcome(ticket)
        assert is_refused(refused.value)

    def test_nobody_speaks_for_a_worker_that_drives_the_run(self, ticket):
        leases.take(ticket.thread_id, owner="one")
        with pytest.raises(DatabaseError) as refused:
            self.outcome(ticket)
        assert is_refused(refused.value)

    def test_where_no_worker_drives_it_people_may(self, ticket):
        self.outcome(ticket)
        assert self.known(ticket) == "succeeded"


class TestRuns:
    def test_a_worker_that_lost_the_run_does_not_write_its_row(self, stale):
        with pytest.raises(LeaseLost):
            runs.write(stale, status="succeeded")

    def test_the_database_refuses_it_as_well(self, replaced):
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            carry(replaced)
            Run.objects.update(status="succeeded")
        assert is_refused(refused.value)

    def test_nobody_else_writes_it_while_it_is_driven(self, lease):
        with pytest.raises(DatabaseError) as refused:
            Run.objects.update(status="succeeded")
        assert is_refused(refused.value)

    def test_who_takes_it_over_may(self, lease):
        """As people do who cancel it: the token grows."""
        Run.objects.update(status="cancelled", lease_token=lease.token + 1, lease_expires_at=None)
        with pytest.raises(LeaseLost):
            runs.write(lease, status="succeeded")


class TestBeginning:
    def test_input_is_begun_once_although_its_starter_stalls(self, runtime, project, cast):
        lease = runs.open("t", graph="works_then_asks", value={"asked": "x"}, requester_id=None, model="scripted")
        with pytest.raises(LeaseHeld):
            runner.drive_sync("t")  # what the sweep asks a worker for
        assert lease.token == 1
        assert EFFECTS == []

    def test_a_starter_that_stalls_past_its_lease_does_not_begin_it_again(self, runtime, project, cast):
        value = {"asked": "x"}
        lease = runs.open("t", graph="works_then_asks", value=value, requester_id=None, model="scripted")
        Run.objects.update(lease_expires_at=LONG_AGO)
        runner.drive_sync("t")
        with pytest.raises(LeaseLost):
            runs.begin(lease, value=value, begun_from="")
        assert EFFECTS == ["worked"]


def test_a_node_that_is_tried_again_and_again_ends_with_the_lease(start, monkeypatch):
    """The graph's own retries must not outlive the right to run it."""
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    with pytest.raises(LeaseLost):
        start("never_gives_up")


def carry(lease):
    """What every transaction of this worker begins with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [fence.SETTING, lease.fence])


def test_a_connection_that_the_server_has_ended_is_not_written_on(lease):
    """Or a run would end in doubt after a restart of Postgres, though nothing had been let loose."""

    async def write_after_a_restart():
        saver = await checkpoints.saver(lease)
        config = {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}}
        await saver.aput_writes(config, [("said", "x")], "task")
        await leases.in_thread(end_others)
        await saver.aput_writes(config, [("said", "y")], "other")

    runner.run_alone(write_after_a_restart())
    connection.close()  # this one has ended too
    assert rows() == [0, 0, 2]


def end_others():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
