"""A database that may have forgotten what was done has nothing done again until an operator clears it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from agents import workers
from agents.models import Run
from approvals import freezes, restores, tickets
from approvals.audit import heads, sealing
from approvals.errors import Frozen
from approvals.models import AuditEntry, Cluster, Freeze, Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def frozen(transactional_db):
    freezes.freeze("The database was restored.")


def is_refused(error):
    return getattr(error.__cause__, "sqlstate", None) == "FROZE"


class TestWhileItStands:
    def test_no_worker_is_given_a_run(self, start, frozen, project):
        with pytest.raises(Frozen, match="was restored"):
            start("two_questions")
        assert not Run.objects.exists()

    def test_the_database_gives_none_either(self, frozen):
        Run.objects.create(thread_id="t", graph="two_questions")
        with pytest.raises(DatabaseError) as refused:
            Run.objects.update(lease_token=7, lease_owner="one")
        assert is_refused(refused.value)

    def test_a_decision_is_recorded_and_waits(self, start, resume, alice):
        start("two_questions")
        freezes.freeze("The database was restored.")
        ticket = decide(Ticket.objects.get(), alice)
        with pytest.raises(Frozen):
            resume(ticket)
        freezes.clear(reason="Looked at all payments.", by=None)
        resume(ticket)
        assert EFFECTS == ["paid True"]

    def test_no_answer_is_claimed(self, start, alice):
        start("two_questions")
        ticket = decide(Ticket.objects.get(), alice)
        freezes.freeze("The database was restored.")
        with transaction.atomic():
            assert tickets.claim(Ticket.objects.filter(pk=ticket.pk)) == []

    def test_the_database_lets_none_be_claimed(self, start, alice):
        start("two_questions")
        decide(Ticket.objects.get(), alice)
        freezes.freeze("The database was restored.")
        with pytest.raises(DatabaseError) as refused:
            Ticket.objects.update(delivered_at="2026-01-01T00:00Z")
        assert is_refused(refused.value)

    def test_the_inbox_and_the_probe_say_so(self, frozen, client, alice):
        client.force_login(alice)
        assert "The database was restored." in client.get("/").content.decode()
        assert client.get("/readyz").content.decode().splitlines()[:2] == [
            "ready",
            "frozen: The database was restored.",
        ]

    def test_it_cannot_be_deleted(self, frozen):
        with pytest.raises(DatabaseError):
            Freeze.objects.all().delete()


class TestClearing:
    def test_an_operator_clears_it_for_the_record(self, frozen, capsys):
        call_command("unfreeze", "--reason", "Looked at all payments.")
        assert not freezes.is_frozen()
        assert [e.type for e in AuditEntry.objects.order_by("id")] == ["execution.frozen", "execution.cleared"]

    def test_there_must_be_something_to_clear(self, db):
        with pytest.raises(CommandError, match="Nothing is frozen"):
            call_command("unfreeze", "--reason", "x")

    def test_only_a_superuser_clears_it_in_the_admin(self, frozen, client, alice, admin):
        posted = {"action": "clear", "_selected_action": [Freeze.objects.get().pk]}
        client.force_login(alice)
        client.post("/admin/approvals/freeze/", posted)
        assert freezes.is_frozen()
        client.force_login(admin)
        client.post("/admin/approvals/freeze/", posted)
        assert Freeze.objects.get().cleared_by == admin

    def test_two_who_freeze_at_once_freeze_once(self, frozen):
        assert not freezes.freeze("Again.")
        assert Freeze.objects.count() == 1


class TestRestores:
    @pytest.fixture
    def restored(self, start, cast):
        """The newest head is kept, and the database has lost what it covers."""
        start("two_questions")
        sealing.seal()
        heads.keep()
        with connection.cursor() as cursor:
            for table in ("approvals_seal", "approvals_leaf"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                cursor.execute(f"DELETE FROM {table}")
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def test_a_database_as_it_was_left_is_not_frozen(self, start, cast):
        start("two_questions")
        sealing.seal()
        heads.keep()
        assert not restores.look()
        assert not restores.look()

    def test_one_that_lacks_the_kept_head_is(self, restored):
        assert restores.look()
        assert "restored from a backup" in freezes.standing().reason

    def test_whoever_begins_to_drive_runs_looks_first(self, restored):
        with workers.enrolled("worker"):
            assert freezes.is_frozen()

    def test_whoever_has_looked_is_given_no_run_by_another_database(self, start, alice, resume, monkeypatch):
        """Nobody has looked at that one yet, and the sweep comes seconds later."""
        start("two_questions")
        restores.look()
        ticket = decide(Ticket.objects.get(), alice)
        monkeypatch.setattr(restores, "_life", "the server before it was restored")
        Cluster.objects.update(timeline="0000002A")
        with pytest.raises(Frozen, match="another timeline"):
            resume(ticket)
        assert EFFECTS == []

    def test_a_server_that_was_only_started_again_gives_runs(self, start, alice, resume, monkeypatch):
        start("two_questions")
        restores.look()
        ticket = decide(Ticket.objects.get(), alice)
        monkeypatch.setattr(restores, "_life", "the same server before it was started again")
        resume(ticket)
        assert EFFECTS == ["paid True"]

    def test_what_is_both_older_and_elsewhere_is_cleared_once(self, restored):
        Cluster.objects.create(pk=1, identifier="another", timeline="00000001")
        restores.look()
        freezes.clear(reason="Looked at all payments.", by=None)
        assert not restores.look()
        assert not freezes.is_frozen()

    def test_once_cleared_it_stays_cleared(self, restored):
        restores.look()
        freezes.clear(reason="Looked at all payments.", by=None)
        assert not restores.look()
        assert not freezes.is_frozen()
        assert not heads.path().exists()

    def test_a_database_on_another_timeline_is_frozen(self, db):
        restores.look()
        Cluster.objects.update(timeline="0000002A")
        assert restores.look()
        assert "another timeline" in freezes.standing().reason
        freezes.clear(reason="The standby had everything.", by=None)
        assert not restores.look()
