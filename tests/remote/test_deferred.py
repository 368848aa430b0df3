"""Calls that a framework holds back, without the framework."""

from __future__ import annotations

from typing import Any

import pytest

from agents.remote import deferred
from agents.remote.deferred import Allowed, Denied, HeldCall
from tests import factories
from tests.remote.conftest import asked_for

pytestmark = pytest.mark.django_db(transaction=True)

CALL = HeldCall(framework="some-framework", call_id="call-1", action="send_email", args={"to": "bob"})


@pytest.mark.parametrize("takes_edits", [True, False])
def test_an_edited_call_runs_as_edited_or_not_at_all(countersign: Any, alice: Any, takes_edits: bool) -> None:
    asked = deferred.ask(CALL, client=countersign)
    ticket = factories.decide(asked_for(), alice, "edit", args={"to": "carol"})
    verdict = deferred.settle(CALL, asked, client=countersign, takes_edits=takes_edits)
    ticket.refresh_from_db()
    if takes_edits:
        assert (verdict, ticket.execution) == (Allowed(args={"to": "carol"}), "started")
    else:
        assert isinstance(verdict, Denied) and 'call it again with {"to": "carol"}' in verdict.why
        assert (ticket.execution, ticket.error) == ("failed", verdict.why)


def test_without_an_edit_it_runs_as_it_was_made(countersign: Any, alice: Any) -> None:
    asked = deferred.ask(CALL, client=countersign)
    factories.decide(asked_for(), alice)
    assert deferred.settle(CALL, asked, client=countersign) == Allowed(args={"to": "bob"})
