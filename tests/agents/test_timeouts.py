"""A deadline is told in every format, and never as a person's rejection."""

from __future__ import annotations

import json

import pytest

from agents.models import Run
from approvals import deadlines
from approvals.models import Ticket
from tests.factories import decide, force

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = "2020-01-01T00:00Z"
CALL = {"type": "tool_approval", "tool_call_id": "c", "name": "pay", "args": {"n": 1}, "description": ""}


def shape(*kinds):
    """The schema that comes with a call: one branch for each decision that is allowed."""
    return {"oneOf": [{"properties": {"type": {"const": kind}}} for kind in kinds]}


def batch(*kinds):
    return {
        "action_requests": [{"name": "pay", "args": {"n": 1}, "description": ""}],
        "review_configs": [{"action_name": "pay", "allowed_decisions": list(kinds)}],
    }


def inbox(**allowed):
    config = dict.fromkeys(("allow_accept", "allow_edit", "allow_respond", "allow_ignore"), False) | allowed
    return {"action_request": {"action": "pay", "args": {"n": 1}}, "config": config}


@pytest.fixture
def expire(start, resume):
    """Ask in a format, let the deadline pass, and return the run."""

    def expire(value, schema=None):
        start("asks_anything", {"value": value, "shape": schema})
        force(Ticket.objects.all(), deadline_at=LONG_AGO)
        deadlines.expire_overdue()
        return resume(Ticket.objects.latest("id"))

    return expire


def said(run):
    """What the graph was told."""
    return json.dumps(run.output["answer"])


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (CALL, shape("approve", "reject")),
        (CALL, shape("approve", "respond")),
        (batch("approve", "reject"), None),
        (batch("approve", "respond"), None),
        (inbox(allow_accept=True, allow_respond=True), None),
        ({"action": "pay", "args": {"n": 1}}, None),
    ],
)
def test_where_there_are_words_they_say_that_it_timed_out(expire, value, schema):
    run = expire(value, schema)
    assert run.status == "succeeded"
    assert "timed out" in said(run).lower()


@pytest.mark.parametrize(
    ("value", "answer"),
    [("Pay?", False), (inbox(allow_accept=True, allow_ignore=True), [{"type": "ignore", "args": None}])],
)
def test_where_there_are_none_the_graph_is_told_no(expire, value, answer):
    run = expire(value)
    assert (run.status, run.output["answer"]) == ("succeeded", answer)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (CALL, shape("approve", "edit")),
        (batch("approve", "edit"), None),
        (inbox(allow_accept=True, allow_edit=True), None),
        ("How many?", {"type": "integer"}),
    ],
)
def test_where_a_refusal_cannot_be_told_the_run_ends_and_says_so(expire, value, schema):
    run = expire(value, schema)
    assert run.status == "rejected"
    assert "Timed out" in run.error
    assert "cannot be told" in run.error
    assert "No person rejected it" in run.error


def test_a_step_before_which_the_graph_stops_ends_the_run(start, resume):
    start("draft")
    force(Ticket.objects.all(), deadline_at=LONG_AGO)
    deadlines.expire_overdue()
    run = resume(Ticket.objects.get())
    assert (run.status, "timed out" in run.error.lower()) == ("rejected", True)


def test_what_was_approved_beside_it_is_withdrawn_and_never_runs(start, resume, alice):
    value = batch("approve", "edit")
    start("asks_anything", {"value": {key: items * 2 for key, items in value.items()}})
    approved, late = Ticket.objects.order_by("id")
    decide(approved, alice)
    force([late], deadline_at=LONG_AGO)
    deadlines.expire_overdue()
    resume(late)
    approved.refresh_from_db()
    assert (approved.state, approved.execution) == ("cancelled", "not_started")
    assert Run.objects.get().status == "rejected"
