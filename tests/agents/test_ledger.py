"""The ledger: an approved action is carried out once, whatever enters its code again."""

from __future__ import annotations

import time

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from agents import deliveries, effects, fence, ledger, runner, sessions, wishes, workers
from agents.database import in_thread, is_away, refusal
from agents.errors import DatabaseAway, InDoubt, LeaseLost, TooEarly
from agents.models import DemoTransfer, Effect, EffectState, Run, Worker
from agents.models.effects import MOVES
from approvals import freezes
from approvals.errors import Frozen
from approvals.models import Ticket
from tests.agents import ledger_graphs
from tests.agents.ledger_graphs import AFTER, BEFORE, PAID, REFUSED, timeout
from tests.factories import decide

LONG_AGO = "2020-01-01T00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh():
    for kept in (PAID, AFTER, BEFORE, REFUSED, ledger_graphs.MEANWHILE):
        kept.clear()
    ledger_graphs.GO.clear()
    yield
    ledger_graphs.GO.set()


@pytest.fixture
def pay(start, resume, alice):
    """Start a graph on "pay bob", approve every ticket, deliver; returns the run."""

    def pay(graph="payroll", task="pay bob"):
        run = start(graph, {"messages": [{"role": "user", "content": task}]})
        while ticket := Ticket.objects.pending().filter(thread_id=run.thread_id, about=None).first():
            decide(ticket, alice)
        return resume(Ticket.objects.filter(thread_id=run.thread_id).first())

    return pay


@pytest.fixture
def drive():
    """Do what a run's row asks for once its worker is gone; returns the run."""

    def drive(run):
        Run.objects.filter(pk=run.pk).update(lease_expires_at=LONG_AGO)
        Run.objects.filter(pk=run.pk).update(status="running")
        runner.drive_sync(run.thread_id)
        return Run.objects.get(pk=run.pk)

    return drive


def only():
    return Effect.objects.get()


def states():
    return list(Effect.objects.order_by("id").values_list("state", flat=True))


def paid():
    return [to for to, _ in PAID]


def again(run, *, before):
    """Enter the graph again at the newest checkpoint before a node, as a recovery, a fork or time travel does."""

    async def enter():
        async with sessions.opened(run.thread_id) as session:
            graph, config = session.thread.graph, session.thread.config
            past = [step async for step in graph.aget_state_history(config)]
            at = next(step for step in past if step.next == (before,))
            place = {"checkpoint_id": at.config["configurable"]["checkpoint_id"]}
            return await graph.ainvoke(None, {"configurable": {**config["configurable"], **place}})

    return runner.run_alone(enter())


def losing_the_run(function):
    """Another worker takes the run before this is called."""

    def call(*args):
        ledger_graphs.lose_run("")
        return function(*args)

    return call


def began_elsewhere(run):
    """Another worker began this effect a moment ago, and its lease ran out."""
    Run.objects.update(lease_expires_at="2100-01-01T00:00Z")
    token = Run.objects.get(pk=run.pk).lease_token
    again = {"retry_until": "2100-01-01T00:00Z", "lease_token": token, "owner": "elsewhere:1:abc"}
    Effect.objects.update(state="started", claim="c", started_at=Now(), **again)


def dying(pay, task):
    """The run whose worker loses it in the middle of this payment."""
    with pytest.raises(LeaseLost):
        pay(task=task)
    return Run.objects.get()


class TestEveryGraph:
    @pytest.mark.parametrize("graph", ["operations", "batch", "tool_review", "tool_interrupt", "agent_inbox"])
    def test_what_the_demo_graphs_do_stands_in_the_ledger(self, start, resume, alice, graph):
        start(graph, {"messages": [{"role": "user", "content": "transfer 250 to bob"}]})
        resume(decide(Ticket.objects.get(about=None), alice))
        ticket = Ticket.objects.get(about=None)
        assert (only().state, ticket.execution, ticket.is_ledgered) == ("succeeded", "succeeded", True)
        assert "250.00 to bob" in ticket.result
        assert DemoTransfer.objects.count() == 1

    @pytest.mark.parametrize("graph", ["decide_execute", "email_draft"])
    def test_so_does_a_step_that_is_written_by_hand(self, start, resume, alice, graph, mailoutbox):
        start(graph, {"request": "email bob@example.com subject Hi body Hello"})
        resume(decide(Ticket.objects.get(about=None), alice))
        assert (only().state, Ticket.objects.get(about=None).execution, len(mailoutbox)) == (
            "succeeded",
            "succeeded",
            1,
        )

    @pytest.mark.parametrize(("graph", "is_ledgered"), [("payroll", True), ("steps", True), ("unreachable", False)])
    def test_a_ticket_says_whether_its_action_is_kept_from_running_twice(self, pay, graph, is_ledgered):
        pay(graph)
        assert (Ticket.objects.get(about=None).is_ledgered, paid()) == (is_ledgered, ["bob"])


class TestOnce:
    @pytest.mark.parametrize("graph", ["payroll", "retried", "swallowing"])
    def test_entered_again_it_says_what_it_said_and_does_nothing(self, pay, graph):
        run = pay(graph)
        values = again(run, before="tools")
        assert values["messages"][-2].text == "paid bob"
        assert (paid(), states()) == (["bob"], ["succeeded"])

    @pytest.mark.parametrize("graph", ["by_hand", "steps"])
    def test_a_fork_from_before_the_question_asks_again(self, pay, graph):
        run = pay(graph)
        assert again(run, before="tools")["__interrupt__"]
        assert (paid(), states()) == (["bob"], ["succeeded"])

    def test_what_had_not_begun_when_the_worker_died_is_done_by_the_next(self, start, drive, alice):
        run = start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        decide(Ticket.objects.get(about=None), alice)
        hand_over(run)
        assert drive(run).status == "succeeded"
        assert (paid(), states(), Ticket.objects.get(about=None).execution) == (["bob"], ["succeeded"], "succeeded")

    def test_a_sibling_that_had_paid_does_not_pay_again(self, pay, dave):
        BEFORE.append(ConnectionRefusedError())
        run = pay(task="pay bob, pay alice")
        assert sorted(states()) == ["failed", "succeeded"]
        wishes.request_retry(run.thread_id, actor=dave)
        runner.drive_sync(run.thread_id)
        assert (Run.objects.get().status, sorted(paid())) == ("succeeded", ["alice", "bob"])

    def test_langgraph_may_try_again_what_was_refused(self, pay):
        BEFORE.append(ConnectionRefusedError())
        assert pay("retried").status == "succeeded"
        assert (paid(), states(), Ticket.objects.get(about=None).execution) == (
            ["bob"],
            ["failed", "succeeded"],
            "succeeded",
        )

    @pytest.mark.parametrize("graph", ["payroll", "retried", "swallowing"])
    def test_it_may_not_try_again_what_may_have_happened(self, pay, graph):
        AFTER.append(timeout())
        run = pay(graph)
        assert (run.status, paid(), states()) == ("failed", ["bob"], ["unknown"])
        assert Ticket.objects.get(about=None).execution == "unknown"

    def test_a_cached_node_is_not_taken_for_one_that_did_it(self, pay):
        pay("cached")
        pay("cached")
        assert (paid(), states()) == (["bob"], ["succeeded", "withdrawn"])
        assert Ticket.objects.order_by("id").last().error == effects.PASSED


class TestApproval:
    def test_other_arguments_than_the_approved_ones_are_refused(self, pay):
        run = pay("changed")
        assert (run.status, paid()) == ("succeeded", [])
        assert effects.OTHER_ARGUMENTS in str(run.transcript)

    def test_a_gated_tool_does_not_run_where_nobody_was_asked(self, start):
        run = start("unasked", {"messages": [{"role": "user", "content": "pay bob"}]})
        assert (run.status, paid()) == ("succeeded", [])
        assert "nobody has approved exactly this call" in str(run.transcript)

    def test_an_edit_is_what_runs(self, start, resume, alice):
        start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        resume(decide(Ticket.objects.get(about=None), alice, "edit", args={"to": "carol"}))
        assert (paid(), only().revision) == (["carol"], 2)

    def test_new_input_ends_an_approval_that_was_not_used(self, start, alice):
        run = start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        decide(Ticket.objects.get(about=None), alice)
        hand_over(run)
        start("payroll", {"messages": [{"role": "user", "content": "never mind"}]}, thread_id=run.thread_id)
        assert (paid(), states()) == ([], ["withdrawn"])

    def test_a_question_before_the_tools_leaves_the_approval_standing(self, start, resume, alice):
        start("asks_between", {"messages": [{"role": "user", "content": "pay bob"}]})
        resume(decide(Ticket.objects.get(), alice))
        run = resume(decide(Ticket.objects.pending().get(), alice))
        asked, more = Effect.objects.order_by("id")
        assert (run.status, asked.state, more.state) == ("succeeded", "succeeded", "withdrawn")
        assert [("bob", asked.effect_id)] == PAID
        assert asked.ticket.execution == "succeeded"

    def test_once_the_graph_has_answered_the_call_itself_the_approval_is_void(self, start, resume, alice):
        start("asks_between", {"messages": [{"role": "user", "content": "pay bob"}]})
        resume(decide(Ticket.objects.get(), alice))
        assert states() == ["authorised"]
        resume(decide(Ticket.objects.pending().get(), alice, "reject"))
        assert (paid(), states(), Ticket.objects.order_by("id").first().error) == ([], ["withdrawn"], effects.PASSED)

    def test_outside_a_run_it_just_calls(self):
        assert ledger.once(lambda to: f"paid {to}", action="pay", args={"to": "bob"}) == "paid bob"
        assert ledger_graphs.GUARDED.invoke({"to": "bob"}) == "paid bob"


class TestDoubt:
    def test_a_worker_that_lost_its_run_leaves_evidence_and_no_outcome(self, pay, drive):
        run = dying(pay, "pay_and_die bob")
        assert (states(), only().late["result"]) == (["started"], "paid bob")
        assert drive(run).status == "failed"
        assert (paid(), states(), Ticket.objects.get(about=None).execution) == (["bob"], ["unknown"], "unknown")

    def test_what_is_in_doubt_is_not_tried_again(self, pay, dave):
        AFTER.append(timeout())
        run = pay()
        with pytest.raises(InDoubt):
            wishes.request_retry(run.thread_id, actor=dave)

    @pytest.mark.parametrize("tool", ["pay_slowly", "pay_hanging"])
    def test_a_call_past_its_deadline_is_given_up(self, pay, tool):
        run = pay(task=f"{tool} bob")
        assert (run.status, states()) == ("failed", ["unknown"])
        assert "0.2 seconds" in Ticket.objects.get(about=None).error

    def test_a_provider_that_can_be_asked_settles_it(self, pay, drive):
        run = dying(pay, "pay_probed bob")
        assert states() == ["started"]
        assert drive(run).status == "succeeded"
        assert (paid(), states(), Ticket.objects.get(about=None).result) == (["bob"], ["succeeded"], "paid bob")

    def test_a_probe_that_is_a_coroutine_is_waited_for(self, pay, drive):
        run = dying(pay, "pay_asked_async bob")
        assert (drive(run).status, paid(), states()) == ("failed", [], ["unknown"])

    def test_a_provider_that_does_not_answer_leaves_doubt(self, pay, drive):
        run = dying(pay, "pay_unanswered bob")
        began = time.monotonic()
        assert (drive(run).status, paid(), states()) == ("failed", ["bob"], ["unknown"])
        assert time.monotonic() - began < 10


class TestDenied:
    """Its provider says that it did not happen, and another worker had begun it."""

    @pytest.fixture
    def denied(self, pay):
        run = dying(pay, "pay_denied bob")
        ledger_graphs.MEANWHILE.append(lambda: None)  # the bank answers from now on
        return run

    def began(self, *, is_dead, at=LONG_AGO):
        facts = {"kind": "worker", "host": "elsewhere", "pid": 1, "born": 0, "machine": "another kernel"}
        Worker.objects.create(name="elsewhere:1:abc", ended_at=LONG_AGO if is_dead else None, **facts)
        Effect.objects.update(owner="elsewhere:1:abc", started_at=at)

    def test_it_runs_again_under_its_key_once_the_worker_is_proven_dead(self, denied, drive):
        self.began(is_dead=True)
        assert drive(denied).status == "succeeded"
        assert (paid(), {key for _, key in PAID}, states()) == (["bob"] * 2, {only().effect_id}, ["succeeded"])
        assert only().owner == workers.name()

    def test_while_it_may_live_that_is_doubt(self, denied, drive):
        self.began(is_dead=False)
        assert (drive(denied).status, paid(), states()) == ("failed", ["bob"], ["unknown"])

    def test_what_was_sent_a_moment_ago_may_still_arrive(self, denied, drive):
        self.began(is_dead=True, at=Now())
        with pytest.raises(TooEarly):
            drive(denied)
        assert (paid(), states(), Ticket.objects.get(about=None).execution) == (["bob"], ["started"], "started")


class TestRefused:
    """Between the approval and the payment something happens to the worker or to everybody."""

    @pytest.fixture
    def approved(self, start, alice):
        start("delayed", {"messages": [{"role": "user", "content": "pay bob"}]})
        return decide(Ticket.objects.get(), alice)

    def test_a_worker_that_lost_its_run_begins_nothing(self, approved, resume):
        ledger_graphs.MEANWHILE.append(lambda: ledger_graphs.lose_run(""))
        with pytest.raises(LeaseLost):
            resume(approved)
        assert (paid(), states()) == ([], ["authorised"])

    @pytest.fixture
    def refusing(self):
        """What the database says to a claim, for as long as it is told to."""
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'not now' USING ERRCODE = TG_ARGV[0]; END $$"
            )
        yield lambda state: run_sql(
            f"CREATE TRIGGER refusing BEFORE UPDATE ON agents_effect EXECUTE FUNCTION refusing('{state}')"
        )
        run_sql("DROP FUNCTION refusing CASCADE")

    @pytest.mark.parametrize(("state", "raised"), [("FENCE", LeaseLost), ("57P01", DatabaseAway)])
    def test_a_claim_that_the_database_refuses_has_a_name(self, approved, resume, drive, refusing, state, raised):
        ledger_graphs.MEANWHILE.append(lambda: refusing(state))
        with pytest.raises(raised):
            resume(approved)
        assert (paid(), states()) == ([], ["authorised"])
        run_sql("DROP TRIGGER refusing ON agents_effect")
        assert drive(Run.objects.get()).status == "succeeded"
        assert (paid(), Ticket.objects.get().execution) == (["bob"], "succeeded")

    def test_a_freeze_puts_it_off_until_it_is_cleared(self, approved, resume, drive):
        ledger_graphs.MEANWHILE.append(lambda: freezes.freeze("The database was restored."))
        with pytest.raises(Frozen, match="until an operator clears it: The database was restored"):
            resume(approved)
        assert (paid(), Run.objects.get().status, Ticket.objects.get().execution) == ([], "running", "started")
        freezes.clear(reason="Looked at all payments.", by=None)
        assert drive(Run.objects.get()).status == "succeeded"
        assert (paid(), Ticket.objects.get().execution) == (["bob"], "succeeded")


class TestKeys:
    def test_a_tool_is_given_the_key_of_its_effect(self, pay):
        pay()
        assert [key for _, key in PAID] == [only().effect_id]

    def test_one_that_knows_keys_is_tried_again_with_the_same(self, pay, monkeypatch):
        monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0)
        AFTER.append(timeout())
        assert pay(task="pay_with_key bob").status == "succeeded"
        assert {key for _, key in PAID} == {only().effect_id}
        assert (len(PAID), states()) == (2, ["succeeded"])

    def test_a_refusal_after_a_try_in_doubt_does_not_prove_that_nothing_happened(self, pay, monkeypatch):
        monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0)
        AFTER.append(timeout())
        REFUSED.extend([ConnectionRefusedError()] * 5)
        assert (pay(task="pay_with_key bob").status, paid(), states()) == ("failed", ["bob"], ["unknown"])

    def test_a_key_that_may_be_forgotten_is_not_used_again(self, pay, monkeypatch):
        monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0.05)
        AFTER.append(timeout())
        assert (pay(task="pay_briefly bob").status, paid(), states()) == ("failed", ["bob"], ["unknown"])

    def test_a_worker_that_lost_its_run_does_not_try_again(self, pay, monkeypatch):
        monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0)
        AFTER.append(timeout())
        monkeypatch.setattr(ledger, "_may_try_again", losing_the_run(ledger._may_try_again))
        with pytest.raises(LeaseLost):
            pay(task="pay_with_key bob")
        assert (paid(), states()) == (["bob"], ["started"])

    def test_what_another_worker_began_is_not_proven_undone_by_a_refusal(self, start, drive, alice):
        run = start("payroll", {"messages": [{"role": "user", "content": "pay_with_key bob"}]})
        decide(Ticket.objects.get(about=None), alice)
        hand_over(run)
        began_elsewhere(run)
        PAID.append(("bob", only().effect_id))
        REFUSED.extend([ConnectionRefusedError()] * 5)
        assert (drive(run).status, states()) == ("failed", ["unknown"])
        assert Ticket.objects.get(about__isnull=False).allowed_decisions == ["respond", "reject"]


def test_a_result_that_cannot_be_kept_is_replaced_by_words(pay):
    run = pay(task="fetch_everything bob")
    assert (run.status, states()) == ("succeeded", ["succeeded"])
    assert "could not be kept" in again(run, before="tools")["messages"][-2].text


class TestDatabase:
    @pytest.fixture
    def effect(self, start, alice):
        """One that is authorised, with its run's lease free."""
        run = start("payroll", {"messages": [{"role": "user", "content": "pay bob"}]})
        decide(Ticket.objects.get(about=None), alice)
        hand_over(run)
        return only()

    def refuses(self, **facts):
        with pytest.raises(DatabaseError), transaction.atomic():
            Effect.objects.update(**facts)
        return True

    @pytest.mark.parametrize("before", EffectState)
    def test_it_allows_the_moves_of_the_table_and_no_others(self, effect, before):
        token = Run.objects.get().lease_token
        facts = {"lease_token": token, "claim": "c", "started_at": LONG_AGO}
        Run.objects.update(lease_expires_at="2100-01-01T00:00Z")
        allowed = {after for after in EffectState if self.may_go(before, after, facts)}
        assert allowed == MOVES[before]

    def may_go(self, before, after, facts):
        over = {"settled_at": None if after in ("authorised", "started", "unknown") else LONG_AGO}
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("ALTER TABLE agents_effect DISABLE TRIGGER USER")
                was = None if before in ("authorised", "started", "unknown") else LONG_AGO
                Effect.objects.update(state=before, settled_at=was, **facts)
                cursor.execute("ALTER TABLE agents_effect ENABLE TRIGGER USER")
                Effect.objects.update(state=after, **over, **{**facts, "claim": "d"})
                raise Undo
        except Undo:
            return True
        except DatabaseError:
            return False

    def test_a_stale_lease_begins_nothing(self, effect):
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            Effect.objects.update(state="started", claim="c", started_at=LONG_AGO, lease_token=0)
        assert refusal(refused.value) == fence.REFUSED
        assert not is_away(refused.value)

    def test_what_it_is_for_never_changes(self, effect):
        assert self.refuses(digest="0" * 64)
        assert self.refuses(tool_call_id="another")

    def test_it_is_never_deleted(self, effect):
        with pytest.raises(DatabaseError), transaction.atomic():
            effect.delete()

    def test_two_at_once_claim_it_once(self, effect, run_together):
        Run.objects.update(lease_expires_at="2100-01-01T00:00Z")
        token = Run.objects.get().lease_token
        call = effects.Call(thread_id=effect.thread_id, token=token, action="pay", digest=effect.digest)
        given = run_together(*(in_thread(effects.claim, effect, call, effects.Terms()) for _ in range(8)))
        assert [claim is None for claim in given].count(False) == 1

    def test_of_those_who_may_begin_under_one_key_one_is_the_first(self, effect, run_together):
        Run.objects.update(lease_expires_at="2100-01-01T00:00Z")
        token = Run.objects.get().lease_token
        call = effects.Call(thread_id=effect.thread_id, token=token, action="pay", digest=effect.digest)
        keyed = effects.Terms(window_seconds=3600)
        given = run_together(*(in_thread(effects.claim, effect, call, keyed) for _ in range(8)))
        assert sorted(claim.is_repeat for claim in given) == [False, *[True] * 7]


def run_sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


class Undo(Exception):
    """Leave everything as it was."""


def hand_over(run):
    """As a worker does that dies before the graph goes on."""

    async def claimed():
        async with sessions.opened(run.thread_id) as session:
            seen = await session.thread.look()
            return await in_thread(deliveries.settle, session.lease, sessions.standing_of(session, seen))

    assert runner.run_alone(claimed()) is not None
