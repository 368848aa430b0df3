"""Two approved calls with the same arguments are two effects, though no id tells one from the other."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from agents import places, runner
from agents.errors import LeaseLost
from agents.models import Effect, Run
from approvals.models import Ticket
from tests.agents import ledger_graphs, twin_graphs
from tests.agents.ledger_graphs import PAID
from tests.agents.test_ledger import LONG_AGO, again
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh():
    for kept in (PAID, ledger_graphs.BEFORE, ledger_graphs.AFTER, twin_graphs.BETWEEN):
        kept.clear()


@pytest.fixture
def pay(start, resume, alice):
    """Ask about these calls, approve each, and make those (else the same); returns the run."""

    def pay(graph, *asks, makes=None):
        run = start(graph, {"asks": list(asks), "makes": list(asks if makes is None else makes)})
        while ticket := Ticket.objects.pending().filter(about=None).first():
            run = resume(decide(ticket, alice))
        return run

    return pay


def drive(run):
    Run.objects.filter(pk=run.pk).update(lease_expires_at=LONG_AGO)
    Run.objects.filter(pk=run.pk).update(status="running")
    runner.drive_sync(run.thread_id)
    return Run.objects.get()


def states():
    return list(Effect.objects.order_by("id").values_list("state", flat=True))


def keys():
    return sorted(Effect.objects.values_list("effect_id", flat=True))


def is_paid_twice():
    return states() == ["succeeded"] * 2 and sorted(key for _, key in PAID) == keys()


def broken():
    """LangGraph tries the node again that raises this."""
    raise ValueError("the node broke")


@pytest.mark.parametrize("graph", ["twins_by_turns", "twins_between", "twins_at_once", "twins_apart"])
def test_both_are_made_each_under_its_own_approval(pay, graph):
    assert pay(graph, "", "").status == "succeeded"
    assert is_paid_twice()


@pytest.mark.parametrize("asks", [("one", ""), ("", "one")])
@pytest.mark.parametrize("graph", ["twins_by_turns", "twins_between", "twins_at_once"])
def test_so_are_one_with_an_id_and_one_without(pay, graph, asks):
    assert pay(graph, *asks).status == "succeeded"
    assert is_paid_twice()


def test_ids_that_nobody_was_asked_about_use_the_approvals_of_calls_without_one(pay):
    assert pay("twins_by_turns", "", "", makes=["one", "two"]).status == "succeeded"
    assert is_paid_twice()


@pytest.mark.parametrize("graph", ["twins_by_turns", "twins_at_once"])
def test_a_third_that_nobody_approved_is_not_made(pay, graph):
    run = pay(graph, "", "", makes=["", "", ""])
    assert (run.status, is_paid_twice()) == ("failed", True)
    assert "nobody has approved exactly this call" in run.error


class TestEnteredAgain:
    def test_after_a_crash_between_the_two_only_the_second_is_made(self, pay):
        twin_graphs.BETWEEN.append(lambda: ledger_graphs.lose_run(""))
        with pytest.raises(LeaseLost):
            pay("twins_by_turns", "", "")
        assert states() == ["succeeded", "authorised"]
        assert drive(Run.objects.get()).status == "succeeded"
        assert is_paid_twice()

    @pytest.mark.parametrize("graph", ["twins_by_turns", "twins_at_once", "twins_apart"])
    def test_a_replay_makes_neither(self, pay, graph):
        again(pay(graph, "", ""), before="step" if graph != "twins_apart" else "review")
        assert is_paid_twice()

    def test_a_repeat_of_the_first_does_not_use_the_approval_of_the_second(self, pay):
        twin_graphs.BETWEEN.append(broken)
        assert pay("twins_retried", "", "", makes=[""]).status == "succeeded"
        assert (states(), len(PAID)) == (["succeeded", "withdrawn"], 1)

    def test_what_was_refused_between_the_two_is_tried_again_under_its_own_approval(self, pay):
        twin_graphs.BETWEEN.append(lambda: ledger_graphs.BEFORE.append(ConnectionRefusedError()))
        assert pay("twins_retried", "", "").status == "succeeded"
        assert states() == ["succeeded", "failed", "succeeded"]
        assert len(PAID) == 2


class TestPlaces:
    """Which of the calls like it one is, with values."""

    @pytest.fixture
    def calls(self):
        return places.Calls()

    def told(self, calls, execution=None):
        return {places.CALLS: calls, places.TASK: "t", places.EXECUTION: execution}

    def test_calls_like_it_are_counted_for_each_execution(self, calls):
        first, second = object(), object()
        seen = [places.of(self.told(calls, e), call_id="", digest="d")[1] for e in (first, first, second)]
        assert (seen[0] == seen[2], seen[0] == seen[1]) == (True, False)

    def test_another_id_or_other_arguments_are_another_kind(self, calls):
        told = self.told(calls)
        kinds = [("", "d"), ("one", "d"), ("", "e")]
        assert len({places.of(told, call_id=call, digest=digest)[1] for call, digest in kinds}) == 3
        assert all("/1/" in places.of(self.told(places.Calls()), call_id=c, digest=d)[1] for c, d in kinds)

    def test_outside_a_task_there_is_none(self, calls):
        assert places.of({}, call_id="", digest="d") == ("", "")


def test_the_database_lets_a_call_keep_its_effect(pay):
    pay("twins_by_turns", "")
    with pytest.raises(DatabaseError, match="only when it is begun"), transaction.atomic():
        Effect.objects.update(place="another")
