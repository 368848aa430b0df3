"""What a deadline brings, without a clock or a database."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import timeouts
from approvals.states import Gate, OnTimeout, Risk
from approvals.timeouts import Plan, Standing, Step

STEP = Step(group="security", needed=1, deadline_seconds=60)
standings = st.builds(
    Standing,
    risk=st.sampled_from(Risk.values),
    gate=st.sampled_from(Gate.values),
    passed=st.integers(0, 3),
    is_opposed=st.booleans(),
    allowed_decisions=st.lists(st.sampled_from(["approve", "respond"])),
    best_guess=st.none() | st.text(),
    guess_fits=st.booleans(),
)
plans = st.builds(
    Plan,
    on_timeout=st.sampled_from(OnTimeout.values),
    steps=st.lists(st.just(STEP), max_size=2).map(tuple),
    final_action=st.sampled_from(OnTimeout.values),
)


@given(plans, standings)
def test_high_risk_never_runs_because_a_clock_ran_out(plan, ticket):
    action = timeouts.ahead(plan, ticket).action
    if ticket.risk in {Risk.HIGH, Risk.CRITICAL}:
        assert action != OnTimeout.ANSWER
        assert action != OnTimeout.APPROVE


@given(plans, standings)
def test_a_chain_ends(plan, ticket):
    assert timeouts.ahead(plan, ticket).step is None or ticket.passed < len(plan.steps)


@given(plans, standings)
def test_what_a_person_rejected_never_runs_by_the_clock(plan, ticket):
    action = timeouts.ahead(plan, ticket).action
    assert not ticket.is_opposed or action in {OnTimeout.REJECT, OnTimeout.ESCALATE}


@pytest.mark.parametrize(("risk", "gate"), list(product(Risk.values, Gate.values)))
def test_a_plan_that_may_be_saved_is_one_that_is_kept(risk, gate):
    """What `problems` lets pass `ahead` does, and the other way round."""
    plan = Plan(on_timeout=OnTimeout.APPROVE)
    may_be_saved = not list(timeouts.problems(plan, risk=risk, gate=gate, action="mail"))
    is_kept = timeouts.ahead(plan, Standing(risk=risk, gate=gate)).action == OnTimeout.APPROVE
    assert may_be_saved == is_kept == (risk == "low" or (risk, gate) == ("medium", "soft"))


def test_a_softer_plan_is_known_by_its_end():
    through = Plan(on_timeout=OnTimeout.ESCALATE, steps=(STEP,), final_action=OnTimeout.APPROVE)
    assert through.is_softer_than(Plan())
    assert not Plan().is_softer_than(through)
