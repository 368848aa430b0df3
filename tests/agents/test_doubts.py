"""What nobody knows, people are asked; what they find out, the ledger and the run go on from."""

from __future__ import annotations

import pytest

from agents import access, doubts, runner, wishes, workers
from agents.errors import InDoubt
from agents.management.commands import run_agent
from agents.models import Effect, Run, Worker
from approvals import agreements
from approvals.errors import DecisionNotAllowed, NotAnApprover
from approvals.models import AuditEntry, Ticket
from tests.agents.broken_graphs import TROUBLE
from tests.agents.example_graphs import EFFECTS
from tests.agents.ledger_graphs import AFTER, PAID, timeout
from tests.api.programs import Program
from tests.factories import decide, force, make_policy

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = "2020-01-01T00:00Z"


@pytest.fixture
def doubtful(start, resume, alice):
    """A payment that timed out; its run."""
    PAID.clear()
    AFTER[:] = [timeout()]
    start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
    return resume(decide(Ticket.objects.get(), alice))


def question():
    return Ticket.objects.get(about__isnull=False)


def first():
    return Ticket.objects.get(about=None)


@pytest.fixture
def say(alice):
    """Alice says what became of it, and a worker does what follows; returns the run."""

    def say(type, **facts):
        ticket = decide(question(), alice, type, **facts)
        runner.resume_sync(ticket.thread_id, ticket.pk)
        runner.drive_sync(ticket.thread_id)
        return Run.objects.get()

    return say


def test_doubt_asks_the_people_who_signed_and_nobody_else(doubtful, alice, dave, carol):
    ticket = question()
    assert (ticket.state, ticket.about_id, ticket.allowed_decisions[0]) == ("pending", first().pk, "approve")
    assert ticket in Ticket.objects.needing(alice)
    assert ticket not in Ticket.objects.visible_to(carol)
    with pytest.raises(NotAnApprover):
        decide(ticket, carol)


class TestPage:
    """What the page of the run says of it."""

    def page(self, client, person):
        client.force_login(person)
        return client.get(f"/runs/{Run.objects.get().thread_id}/").content.decode()

    def test_it_says_that_people_are_asked_and_where(self, doubtful, client, alice):
        page = self.page(client, alice)
        assert "People are asked what became of it" in page
        assert f'<a href="/tickets/{question().pk}/">Ticket {question().pk}</a> asks those who signed it' in page
        assert "What went wrong" not in page

    def test_once_they_have_answered_it_says_how_it_ended(self, doubtful, say, client, alice):
        say("reject", message="the bank does not answer")
        assert "People are asked" not in self.page(client, alice)
        assert "Stopped by alice" in self.page(client, alice)

    def test_a_run_that_waits_for_an_answer_is_nowhere_called_failed(self, doubtful, say, client, alice):
        told = Program(alice, "read").get(f"runs/{doubtful.thread_id}").json()
        assert (told["status"], told["ended_at"], run_agent.report(doubtful)["status"]) == ("paused", None, "paused")
        client.force_login(alice)
        listed = client.get("/runs/").content.decode()
        assert ("In doubt" in listed, "Failed" in listed) == (True, False)
        say("reject", message="the bank does not answer")
        assert Program(alice, "read").get(f"runs/{doubtful.thread_id}").json()["status"] == "cancelled"

    def test_what_is_in_doubt_is_known_with_the_list_of_runs(self, doubtful, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert [run.standing for run in Run.objects.with_doubt()] == ["paused"]

    def test_the_ticket_says_why_people_are_asked_and_not_why_an_action_was_stopped(self, doubtful, client, alice):
        client.force_login(alice)
        page = client.get(f"/tickets/{question().pk}/").content.decode()
        assert "Why people are asked" in page
        assert "It must not happen twice" in page
        assert "Why it was stopped" not in page
        assert "Why it was stopped" in client.get(f"/tickets/{first().pk}/").content.decode()

    def test_it_shows_the_ledger_with_late_evidence(self, doubtful, client, alice):
        Effect.objects.update(late={"state": "succeeded", "result": "paid <b>bob</b>", "error": ""})
        page = self.page(client, alice)
        effect = Effect.objects.get()
        for words in (effect.effect_id, workers.name(), "Not known", "evidence and no outcome: succeeded"):
            assert words in page
        assert "paid &lt;b&gt;bob&lt;/b&gt;" in page

    def test_the_ticket_that_asks_shows_what_the_ledger_knows(self, doubtful, client, alice):
        Effect.objects.update(late={"state": "succeeded", "result": "paid bob", "error": ""})
        client.force_login(alice)
        page = client.get(f"/tickets/{question().pk}/").content.decode()
        assert "What the ledger knows of it" in page
        assert "evidence and no outcome: succeeded" in page
        assert "The agent’s own explanation" not in page

    def test_the_tickets_say_of_their_run_what_its_own_page_says(self, doubtful, say, client, alice):
        client.force_login(alice)
        asks, asked_about = (client.get(f"/tickets/{pk}/").content.decode() for pk in (question().pk, first().pk))
        assert "It stands still until this is answered." in asks
        assert f'It stands still until <a href="/tickets/{question().pk}/">ticket {question().pk}</a>' in asked_about
        for page in (asks, asked_about):
            assert "In doubt" in page
            assert "send the run a new message" not in page
        say("reject", message="the bank does not answer")
        assert "Stopped by alice" in client.get(f"/tickets/{first().pk}/").content.decode()

    def test_effects_are_for_those_who_see_their_tickets_or_everything(self, doubtful, carol, dave):
        assert access.effects(carol, doubtful, tickets=[]) == []
        assert access.effects(carol, doubtful, tickets=[first()]) == list(Effect.objects.all())
        assert access.effects(dave, doubtful, tickets=[]) == list(Effect.objects.all())

    def test_the_admin_shows_the_ledger_and_changes_nothing(self, doubtful, client, admin):
        client.force_login(admin)
        path = f"/admin/agents/effect/{Effect.objects.get().pk}/change/"
        assert Effect.objects.get().effect_id in client.get(path).content.decode()
        assert client.post(path, {"state": "succeeded"}).status_code == 403


def test_it_happened_so_the_run_goes_on_with_what_somebody_found(doubtful, say):
    run = say("respond", message="the bank shows it")
    assert (run.status, len(PAID), Effect.objects.get().state) == ("succeeded", 1, "happened")
    assert first().execution == "succeeded"
    assert "alice found out that this happened: the bank shows it" in str(run.transcript)


class TestTwoSign:
    """The policy wanted two signatures; so does what became of it."""

    @pytest.fixture
    def doubtful(self, start, resume, alice, bob):
        PAID.clear()
        AFTER[:] = [timeout()]
        make_policy(requirements={"reviewers": 2})
        start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        decide(Ticket.objects.get(), alice)
        return resume(decide(Ticket.objects.get(), bob))

    def test_one_answer_settles_nothing(self, doubtful, say):
        run = say("respond", message="the bank shows it")
        assert (question().state, run.status, first().execution) == ("pending", "failed", "unknown")

    def test_two_who_agree_settle_it(self, doubtful, say, bob):
        say("respond", message="the bank shows it")
        decide(question(), bob, "respond", message="the bank shows it")
        runner.resume_sync(question().thread_id, question().pk)
        runner.drive_sync(question().thread_id)
        run = Run.objects.get()
        assert (run.status, len(PAID), first().execution) == ("succeeded", 1, "succeeded")

    def test_the_second_gives_the_same_answer_without_typing_it(self, doubtful, say, client, alice, bob):
        say("respond", message="the bank shows it\non 5 May")
        for person, offered in ((alice, False), (bob, True)):
            client.force_login(person)
            page = client.get(f"/tickets/{question().pk}/").content.decode()
            assert ("Give the same answer" in page) == offered
        [given] = agreements.open_to(bob, question(), blind=False)
        client.post(
            f"/tickets/{question().pk}/decisions/",
            {"type": "respond", "digest": question().digest, "message": given.words.replace("\n", "\r\n")},
        )
        assert question().state == "answered"

    def test_who_must_not_know_the_others_words_is_offered_none(self, doubtful, say, bob):
        say("respond", message="the bank shows it")
        assert agreements.open_to(bob, question(), blind=True) == []

    def test_two_who_found_different_things_settle_nothing(self, doubtful, say, bob):
        say("respond", message="the bank shows it")
        decide(question(), bob, "respond", message="the bank shows 20")
        assert (question().state, first().execution) == ("pending", "unknown")


def test_it_did_not_so_it_runs_again_under_a_key_of_its_own(doubtful, say):
    run = say("approve")
    assert (run.status, len({key for _, key in PAID})) == ("succeeded", 2)
    assert list(Effect.objects.order_by("id").values_list("state", flat=True)) == ["not_happened", "succeeded"]
    assert first().execution == "succeeded"


def test_nobody_can_tell_so_the_run_ends(doubtful, say):
    run = say("reject", message="the bank does not answer")
    assert (run.status, len(PAID), first().execution) == ("cancelled", 1, "unknown")
    assert "Stopped by alice" in run.error


def test_what_was_decided_is_done_once(doubtful, say):
    run = say("approve")
    doubts.settle(run.thread_id, question().pk)
    assert len(PAID) == 2
    assert AuditEntry.objects.filter(ticket=question(), type="ticket.delivered").count() == 1


class TestLostWorker:
    @pytest.fixture
    def lost(self, start, resume, alice, cast):
        """Its worker died in the middle of the call."""
        from tests.agents.test_ledger import hand_over

        PAID.clear()
        run = start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        decide(Ticket.objects.get(), alice)
        hand_over(run)
        Run.objects.update(lease_expires_at="2100-01-01T00:00Z")
        token = Run.objects.get().lease_token
        facts = {"claim": "c", "started_at": LONG_AGO, "lease_token": token, "owner": "elsewhere:1:abc"}
        Effect.objects.update(state="started", **facts)
        Run.objects.update(lease_expires_at=LONG_AGO)
        Run.objects.update(status="running")
        runner.drive_sync(run.thread_id)
        return run

    def test_another_run_is_not_offered_while_the_worker_may_live(self, lost, alice):
        assert question().allowed_decisions == ["respond", "reject"]
        assert doubts.offer() == 0
        with pytest.raises(DecisionNotAllowed):
            decide(question(), alice)

    def test_the_page_says_what_it_waits_for(self, lost, client, alice):
        client.force_login(alice)
        page = client.get(f"/tickets/{question().pk}/").content.decode()
        assert "the worker which began it is gone, and the time it was given has been over for a minute" in page

    def test_it_is_once_the_worker_is_proven_dead(self, lost, say):
        dead = {"kind": "worker", "host": "elsewhere", "pid": 1, "born": 0, "ended_at": LONG_AGO}
        Worker.objects.create(name="elsewhere:1:abc", **dead)
        assert workers.is_dead("elsewhere:1:abc")
        assert doubts.offer() == 1
        assert (say("approve").status, len(PAID)) == ("succeeded", 1)


class TestLostUnprotected:
    """A plain node was in the middle of it, so nothing says whose hands it is in but the lease."""

    @pytest.fixture
    def lost(self, start, alice, cast):
        from tests.agents.test_ledger import hand_over

        EFFECTS.clear()
        run = start("pays_then_fails")
        decide(Ticket.objects.get(), alice)
        hand_over(run)
        Run.objects.update(lease_expires_at=LONG_AGO, lease_owner="elsewhere:1:abc")
        Run.objects.update(status="running")
        runner.drive_sync(run.thread_id)
        return Run.objects.get()

    @pytest.fixture
    def gone(self):
        dead = {"kind": "worker", "host": "elsewhere", "pid": 1, "born": 0, "ended_at": LONG_AGO}
        return Worker.objects.create(name="elsewhere:1:abc", **dead)

    def test_the_run_knows_who_lost_it(self, lost):
        assert (lost.status, lost.lost_by, question().allowed_decisions) == (
            "failed",
            ["elsewhere:1:abc"],
            ["respond", "reject"],
        )

    @pytest.mark.parametrize(
        ("facts", "offered"),
        [
            ({"ended_at": LONG_AGO}, 1),
            ({}, 0),
            ({"ended_at": LONG_AGO, "lost_by": ["elsewhere:1:abc", "stranger:1:x"]}, 0),
            ({"ended_at": LONG_AGO, "lost_by": []}, 0),
        ],
        ids=["dead and long ago", "a moment ago", "another may live", "nobody knows who"],
    )
    def test_another_run_is_offered_once_nobody_can_be_at_it(self, lost, gone, facts, offered):
        Run.objects.update(**facts)
        assert doubts.offer() == offered
        assert ("approve" in question().allowed_decisions) == bool(offered)

    def test_it_did_not_happen_so_it_is_done(self, lost, gone, say):
        Run.objects.update(ended_at=LONG_AGO)
        doubts.offer()
        assert (say("approve").status, EFFECTS, first().execution) == ("succeeded", ["paid"], "succeeded")


class TestBegunTwice:
    """A worker lost its run in the middle of a call with a key; the next one called again, and nobody knows."""

    @pytest.fixture
    def lost(self, doubtful):
        for name in ("elsewhere:1:abc", "elsewhere:2:def"):
            Worker.objects.create(name=name, kind="worker", host="elsewhere", pid=1, born=0)
        force(Ticket.objects.filter(about__isnull=False), allowed_decisions=["respond", "reject"])
        Effect.objects.update(owner="elsewhere:2:def", started_at=LONG_AGO, retry_until=LONG_AGO)
        Run.objects.update(lost_by=["elsewhere:1:abc"])

    def test_another_run_is_offered_once_both_are_dead(self, lost):
        Worker.objects.filter(name="elsewhere:2:def").update(ended_at=LONG_AGO)
        assert doubts.offer() == 0
        Worker.objects.update(ended_at=LONG_AGO)
        assert doubts.offer() == 1


class TestUnprotected:
    """What is done by a plain node its graph would do again."""

    @pytest.fixture
    def doubtful(self, start, resume, alice):
        EFFECTS.clear()
        TROUBLE.append(ValueError("no answer"))
        start("pays_then_fails")
        return resume(decide(Ticket.objects.get(), alice))

    def test_what_happened_is_written_down_and_the_run_stays_where_it_is(self, doubtful, say, dave):
        run = say("respond", message="it shows")
        assert (run.status, first().execution, EFFECTS) == ("failed", "succeeded", ["paid"])
        with pytest.raises(InDoubt):
            wishes.request_retry(run.thread_id, actor=dave)

    def test_what_did_not_happen_is_tried_again(self, doubtful, say):
        run = say("approve")
        assert (run.status, run.error, first().execution) == ("succeeded", "", "succeeded")
