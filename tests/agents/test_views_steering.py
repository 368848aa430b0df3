"""Cancel, retry and repair from the page: by POST, for those allowed, and a refusal says why."""

from __future__ import annotations

import pytest

from agents.models import Run
from approvals.models import AuditEntry
from approvals.states import Execution
from tests.factories import force, open_ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(client):
    """POST a wish as somebody and follow the redirect."""

    def ask(person, wish, thread_id="run-1"):
        client.force_login(person)
        return client.post(f"/runs/{thread_id}/{wish}/", follow=True)

    return ask


@pytest.fixture
def run_of(dave, transfers):
    """Dave's run in some status, with a ticket that Alice may see."""

    def run_of(status):
        run = Run.objects.create(thread_id="run-1", graph="operations", requester=dave, status=status)
        open_ticket(thread_id="run-1", requester=dave)
        return run

    return run_of


@pytest.mark.parametrize(("wish", "status"), [("retry", "failed"), ("repair", "failed"), ("repair", "paused")])
def test_a_wish_is_queued_for_a_worker_and_recorded(ask, run_of, dave, wish, status):
    run_of(status)
    page = ask(dave, wish)
    run = Run.objects.get()
    assert (page.status_code, run.status, run.wish) == (200, "queued", wish)
    assert AuditEntry.objects.get(type=f"run.{wish}_requested").actor == dave


def test_a_paused_run_is_cancelled_at_once(ask, run_of, dave):
    run_of("paused")
    page = ask(dave, "cancel").content.decode()
    assert Run.objects.get().status == "cancelled"
    assert "Cancelled by dave." in page
    assert "Cancel for good" not in page


@pytest.mark.parametrize("wish", ["cancel", "retry", "repair"])
def test_a_reviewer_sees_no_button_and_is_refused(ask, client, run_of, alice, wish):
    run_of("paused" if wish != "retry" else "failed")
    refused = ask(alice, wish)
    assert refused.status_code == 403
    assert "Nothing was changed" in refused.content.decode()
    assert "What you may do" not in client.get("/runs/run-1/").content.decode()
    assert Run.objects.get().wish == ""


def test_what_cannot_be_tried_again_says_why(ask, run_of, dave):
    run_of("succeeded")
    refused = ask(dave, "retry")
    assert refused.status_code == 409
    assert "succeeded" in refused.content.decode()


def test_a_run_in_doubt_offers_no_retry(client, run_of, dave):
    from approvals.models import Ticket

    run_of("failed")
    force(Ticket.objects.all(), execution=Execution.UNKNOWN)
    client.force_login(dave)
    page = client.get("/runs/run-1/").content.decode()
    assert "It cannot be tried again." in page
    assert "Try the failed step again" not in page


@pytest.mark.parametrize("wish", ["cancel", "retry", "repair"])
def test_a_link_changes_nothing(client, run_of, dave, wish):
    run_of("paused")
    client.force_login(dave)
    assert client.get(f"/runs/run-1/{wish}/").status_code == 405
    assert Run.objects.get().status == "paused"


def test_without_a_token_nothing_is_cancelled(run_of, dave):
    from django.test import Client

    run_of("paused")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(dave)
    assert strict.post("/runs/run-1/cancel/").status_code == 403
    assert Run.objects.get().status == "paused"


def test_a_run_one_may_not_see_is_not_found(ask, run_of, frank):
    run_of("paused")
    assert ask(frank, "cancel").status_code == 404
