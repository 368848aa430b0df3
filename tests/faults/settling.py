"""What is in doubt is settled by people: m12, and whoever carries out what they found dies in the middle of it."""

from __future__ import annotations

from functools import partial

from tests.faults import outcomes
from tests.faults.cells import CELLS, Cell, cell
from tests.faults.lanes import SIGNERS, Asked, Lane

FOUND: dict[str, dict[str, str]] = {
    "respond": {"message": "The bank shows it."},
    "approve": {},
    "reject": {"message": "The bank does not answer."},
}
SETTLED = "SELECT type FROM approvals_auditentry WHERE ticket_id = %s AND type = 'ticket.delivered'"


def doubtful(lane: Lane) -> tuple[Asked, Asked]:
    """A payment of which nobody knows whether it happened, and the ticket that asks."""
    asked = lane.ask("timeout")
    lane.worker()
    lane.approve(asked)
    outcomes.in_doubt(lane, asked, effects=1)
    lane.hands[-1].kill()
    query = "SELECT id, digest FROM approvals_ticket WHERE about_id = %s AND state = 'pending'"
    [question] = lane.until_rows(query, asked.ticket)
    return asked, Asked(thread=asked.thread, ticket=question["id"], digest=question["digest"])


def killed_while_settling(lane: Lane, *, place: str, found: str) -> None:
    """What people found is carried out once or not at all, and then by the next worker."""
    asked, question = doubtful(lane)
    worker = lane.worker(f"{place}=kill")
    for person in SIGNERS[: 1 if found == "reject" else 2]:  # to stop everything one person may say
        status = lane.decide(person, question, found, **FOUND[found])
        assert status == 302, f"{person} was answered {status}"
    worker.until_ended(seconds=60)
    lane.worker()
    _check(lane, asked, found)
    assert len(lane.rows(SETTLED, question.ticket)) == 1, "it was not settled once"


def _check(lane: Lane, asked: Asked, found: str) -> None:
    if found == "respond":
        run = lane.until_run(asked.thread, "succeeded")
        assert "The bank shows it." in str(run["transcript"])
        assert (lane.ticket(asked.thread)["execution"], len(lane.effects(asked.thread))) == ("succeeded", 1)
    elif found == "approve":  # done once more, under a key of its own; this bank never answers
        lane.until_rows("SELECT 1 FROM agents_effect WHERE ticket_id = %s AND number = 2", asked.ticket)
        outcomes.in_doubt(lane, asked, effects=2)
    else:
        assert lane.until_run(asked.thread, "cancelled")["error"].startswith("Stopped by alice")
        outcomes.in_doubt(lane, asked, effects=1)


@cell("m12", "SIGKILL web before what a person found is committed")
def killed_web(lane: Lane) -> None:
    """It is not there, so it is asked again."""
    asked, question = doubtful(lane)
    assert lane.web
    lane.web.kill()
    web = lane.serve("vote_written=kill")
    assert lane.decide("alice", question, "respond", **FOUND["respond"]) == 0
    web.until_ended()
    lane.serve()
    assert lane.rows("SELECT 1 FROM approvals_decision WHERE ticket_id = %s", question.ticket) == []
    for person in SIGNERS:
        assert lane.decide(person, question, "respond", **FOUND["respond"]) == 302
    lane.worker()
    _check(lane, asked, "respond")


@cell("—", "SIGKILL of the sealer before it commits")
def killed_sealer(lane: Lane) -> None:
    """The next one seals what it would have, each entry once, and the record is as it was written."""
    asked = lane.ask()
    sealer = lane.worker("seal_written=kill")
    sealer.until_ended(seconds=60)
    lane.worker()
    lane.approve(asked)
    outcomes.once(lane, asked)
    unsealed = (
        "SELECT count(*) FROM approvals_auditentry e "
        "WHERE NOT EXISTS (SELECT FROM approvals_leaf WHERE entry_id = e.id)"
    )
    lane.until_rows(f"SELECT 1 WHERE ({unsealed}) = 0", seconds=20)
    numbers = lane.rows("SELECT count(*) AS n, max(number) AS most, min(number) AS least FROM approvals_leaf")[0]
    assert numbers["n"] == numbers["most"] - numbers["least"] + 1, "a place in the tree is missing"
    checked = lane.start("verify_audit")
    checked.until_ended(seconds=40)
    assert checked.code == 0, checked.said()


for place in ("reconcile_written", "reconcile_committed"):
    for found in FOUND:
        act = partial(killed_while_settling, place=place, found=found)
        CELLS.append(Cell(moment="m12", fault=f"SIGKILL worker at {place}, “{found}”", act=act))
