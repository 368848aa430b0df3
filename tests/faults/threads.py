"""Threads that an earlier version left paused: what the checkpointer held, as a file.

`uv run python -m tests.faults.threads FILE` writes one of a thread that waits now, with every release. Only the
checkpointer's rows are kept: they are what LangGraph must still read. The tickets are opened from them.
"""

from __future__ import annotations

import base64
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from tests.faults import outcomes, stage
from tests.faults.cells import cell
from tests.faults.lanes import Lane

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
FOLDER = Path(__file__).parent / "paused"
RUN = """
INSERT INTO agents_run (thread_id, graph, requester_id, status, input, model, transcript, error, waiting_at,
  lease_token, lease_owner, wish, answering, begun_from, recoveries)
SELECT %s, %s, id, 'paused', %s, 'scripted', '[]', '', '[]', 1, '', '', '', '', 0
FROM auth_user WHERE username = 'dave'
"""


def kept(lane: Lane, thread: str) -> dict[str, Any]:
    """What the checkpointer holds of a thread."""
    run = lane.run(thread)
    rows = {
        table: [
            {name: _out(value) for name, value in row.items()}
            for row in lane.rows(f"SELECT * FROM {table} WHERE thread_id = %s", thread)
        ]
        for table in TABLES
    }
    versions = {name: version(name) for name in ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-postgres")}
    return {"versions": versions, "graph": run["graph"], "input": run["input"], "thread": thread, "rows": rows}


def put_back(lane: Lane, file: Path, *, graph: str = "") -> str:
    """The thread of a file as a paused run that nobody has been asked about; its id."""
    known = json.loads(file.read_text())
    thread = str(known["thread"])
    for table, rows in known["rows"].items():
        for row in rows:
            names = ", ".join(row)
            values = ", ".join(["%s"] * len(row))
            lane.rows(f"INSERT INTO {table} ({names}) VALUES ({values})", *map(_in, row.values()))
    lane.rows(RUN, thread, graph or known["graph"], Jsonb(known["input"]))
    lane.threads.append(thread)
    return thread


@cell("m4", "a deploy: threads that earlier versions left paused")
def old_threads(lane: Lane) -> None:
    files = sorted(FOLDER.glob("*.json"))
    assert files
    for file in files:
        thread = put_back(lane, file)
        lane.start("reconcile").until_ended()
        asked = lane.asked(thread)
        lane.approve(asked)
        lane.worker()
        outcomes.once(lane, asked)


@cell("m4", "a deploy that no longer knows the graph of a paused thread")
def unknown_graph(lane: Lane) -> None:
    asked = lane.ask()
    lane.approve(asked)
    lane.rows("UPDATE agents_run SET graph = 'gone' WHERE thread_id = %s", asked.thread)
    lane.worker()
    lane.until_rows("SELECT 1 FROM agents_run WHERE thread_id = %s AND error LIKE '%%gone%%'", asked.thread)
    outcomes.nothing(lane, asked)
    assert lane.run(asked.thread)["status"] == "paused"
    lane.rows("UPDATE agents_run SET graph = 'faults' WHERE thread_id = %s", asked.thread)
    outcomes.once(lane, asked)


def _out(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"]) if set(value) == {"base64"} else Jsonb(value)
    return value


def main() -> None:
    """Write the file of a thread that waits now."""
    with stage.set_up() as where:
        lane = Lane(stage=where, server=where.steady, name="lane")
        try:
            thread = lane.furnish().ask().thread
            Path(sys.argv[1]).write_text(json.dumps(kept(lane, thread), indent=1) + "\n")
        finally:
            lane.close()


if __name__ == "__main__":
    main()
