"""A run that is over can be erased: nothing anywhere says what it said, and it never goes on."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agents import runner, wishes
from agents.errors import RunErased
from agents.models import Effect, Run
from approvals.audit import keys, sealing, stored
from approvals.models import AuditEntry, Ticket
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)

#: The tools' own world is not the record's.
NOT_OURS = {"agents_demoaccount", "agents_demotransfer", "agents_demoorder"}
MORE = {"messages": [{"role": "user", "content": "transfer 9 to bob"}]}
ASKED = "transfer 250 to zanzibar"


@pytest.fixture
def run_agent(runtime: None, project: Any, cast: Any) -> Any:
    def run_agent(message: str = ASKED, thread_id: str = "erin-s") -> Ticket:
        more = ("--message", message, "--requester", "dave", "--thread-id", thread_id)
        call_command("run_agent", "operations", *more, "--json", stdout=io.StringIO())
        return Ticket.objects.get(thread_id=thread_id)

    return run_agent


@pytest.fixture
def run(run_agent: Any, resume: Any, alice: Any) -> Run:
    """Approved, carried out, over, and sealed."""
    found: Run = resume(decide(run_agent(), alice))
    sealing.seal()
    return found


def erase(thread_id: str = "erin-s") -> str:
    out = io.StringIO()
    call_command("erase_run", thread_id, "--reason", "asked for", "--by", "alice", stdout=out)
    return out.getvalue()


def where(word: str) -> set[str]:
    """The tables in which it stands, as text or in bytes."""
    found, looks = set(), [f"%{word}%", f"%{word.encode().hex()}%"]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" AS row WHERE row::text ILIKE ANY(%s)', [looks])
            if cursor.fetchone()[0]:
                found.add(table)
    return found - NOT_OURS


def test_what_it_said_is_nowhere_and_the_record_is_whole(run: Run) -> None:
    Run.objects.update(error=ASKED, waiting_at=[ASKED])
    Effect.objects.update(error=ASKED, late=ASKED)
    said_in = where("zanzibar")
    assert {"agents_run", "agents_effect", "approvals_revision", "approvals_payload", "checkpoint_writes"} <= said_in
    assert "Erased the run, its checkpoints" in erase()
    assert where("zanzibar") == set()
    report = stored.inspect(keys=keys.known())
    assert report.first is None and report.erased


def test_what_was_decided_and_what_became_of_it_stays(run: Run) -> None:
    erase()
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.execution, ticket.decisions.get().reviewer.username) == (
        "approved",
        "succeeded",
        "alice",
    )
    assert Effect.objects.get().state == "succeeded"
    told = AuditEntry.objects.filter(type="payload.erased", stream="run/erin-s").get()
    assert (told.actor_name, told.facts["reason"]) == ("alice", "asked for")


def test_it_never_goes_on(run: Run) -> None:
    erase()
    with pytest.raises(RunErased):
        runner.start_sync(graph="operations", input=MORE, thread_id="erin-s", requester_id=run.requester_id)
    Run.objects.update(status="failed")
    for ask in (wishes.request_retry, wishes.request_repair):
        with pytest.raises(RunErased):
            ask("erin-s", actor=None)


def test_its_page_is_still_there_and_says_so(run: Run, client: Any, admin: Any) -> None:
    erase()
    client.force_login(admin)
    for address in ("/runs/erin-s/", "/runs/", f"/tickets/{Ticket.objects.get().pk}/"):
        page = client.get(address).content.decode()
        assert "zanzibar" not in page
    assert "were erased" in client.get("/runs/erin-s/").content.decode()


def test_another_run_keeps_its_own(run: Run, run_agent: Any) -> None:
    run_agent("transfer 10 to madagascar", "another")
    before = where("madagascar")
    erase()
    assert where("madagascar") == before


def test_killed_before_the_checkpoints_went_it_is_erased_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents import checkpoints

    def killed(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(checkpoints, "forget", killed)
        erase()
    assert where("zanzibar") and not where("zanzibar") & {"agents_run", "agents_effect", "approvals_payload"}
    erase()
    assert where("zanzibar") == set()


def test_what_is_not_over_is_not_erased(run_agent: Any) -> None:
    run_agent()
    before = where("zanzibar")
    with pytest.raises(CommandError, match="is paused; that is possible only while it is"):
        erase()
    with pytest.raises(CommandError, match="nowhere"):
        erase("nowhere")
    assert where("zanzibar") == before
