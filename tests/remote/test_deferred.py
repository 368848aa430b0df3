"""Calls that a framework holds back, without the framework."""

from __future__ import annotations

from typing import Any

import pytest

from agents.remote import deferred
from agents.remote.client import Countersign
from agents.remote.deferred import Allowed, Denied, HeldCall
from agents.remote.errors import StillWaiting, Unreachable
from approvals.models import Ticket
from tests import factories
from tests.remote.conftest import asked_for

pytestmark = pytest.mark.django_db(transaction=True)

CALL = HeldCall(framework="some-framework", call_id="call-1", action="send_email", args={"to": "bob"})
OTHER = HeldCall(framework="some-framework", call_id="call-2", action="send_email", args={"to": "carol"})
BOTH = [Allowed(args={"to": "bob"}), Allowed(args={"to": "carol"})]


class Breaking(Countersign):
    """Reaches the server so often, and then no more."""

    left = 0

    def run(self, steps: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Unreachable
        return super().run(steps)


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


def test_nothing_is_taken_while_one_of_the_calls_still_waits_for_people(countersign: Any, alice: Any) -> None:
    asked = [(call, deferred.ask(call, client=countersign)) for call in (CALL, OTHER)]
    factories.decide(Ticket.objects.get(pk=asked[0][1].id), alice)
    with pytest.raises(StillWaiting):
        deferred.settle_all(asked, client=countersign, timeout=0.2)
    assert not Ticket.objects.exclude(delivered_at=None).exists()
    factories.decide(Ticket.objects.get(pk=asked[1][1].id), alice)
    assert deferred.settle_all(asked, client=countersign, timeout=0.5) == BOTH


def test_an_answer_that_was_taken_before_the_server_went_away_is_handed_out_next_time(
    countersign: Any, alice: Any
) -> None:
    asked = [(call, deferred.ask(call, client=countersign)) for call in (CALL, OTHER)]
    for _, ticket in asked:
        factories.decide(Ticket.objects.get(pk=ticket.id), alice)
        ticket.wait()
    breaking = Breaking(countersign.base_url, countersign.token)
    breaking.left = 1
    with pytest.raises(Unreachable):
        deferred.settle_all(asked, client=breaking)
    assert Ticket.objects.exclude(delivered_at=None).count() == 1
    assert deferred.settle_all(asked, client=countersign) == BOTH
    assert set(Ticket.objects.values_list("execution", flat=True)) == {"started"}
