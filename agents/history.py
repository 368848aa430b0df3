"""The steps of a run, from the JSON of the checkpointer's own tables.

Which node ran when and which channels it wrote is there without reading anybody's values, so a page of
steps costs two queries and never loads LangGraph. The values of one step are read in `step_values`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from agents import layouts
from approvals import wording

#: What LangGraph writes for itself.
OWN_CHANNELS = ("__", "branch:", "join:")
OWN_NODES = {"__input__", "__start__", "__interrupt__"}

_PAGE = """
WITH page AS (
    SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = %(thread)s AND checkpoint_id < %(before)s AND checkpoint_id > %(after)s
      AND metadata ->> 'source' IS DISTINCT FROM 'input'
    ORDER BY checkpoint_id DESC LIMIT %(limit)s
), wrote AS (
    SELECT w.checkpoint_ns, w.checkpoint_id, bool_or(w.task_path LIKE '~\\_\\_pregel\\_push%%') AS is_sent,
           bool_or(w.channel = '__interrupt__') AS has_waited
    FROM checkpoint_writes w
    JOIN page ON w.checkpoint_ns = page.checkpoint_ns AND w.checkpoint_id = page.parent_checkpoint_id
    WHERE w.thread_id = %(thread)s GROUP BY 1, 2
)
SELECT page.checkpoint_ns, page.checkpoint_id, c.checkpoint ->> 'ts', c.metadata ->> 'source',
       c.checkpoint -> 'updated_channels', c.checkpoint -> 'versions_seen', p.checkpoint -> 'versions_seen',
       wrote.is_sent, wrote.has_waited
FROM page
JOIN checkpoints c ON c.thread_id = %(thread)s
    AND c.checkpoint_ns = page.checkpoint_ns AND c.checkpoint_id = page.checkpoint_id
LEFT JOIN checkpoints p ON p.thread_id = %(thread)s
    AND p.checkpoint_ns = page.checkpoint_ns AND p.checkpoint_id = page.parent_checkpoint_id
LEFT JOIN wrote ON wrote.checkpoint_ns = page.checkpoint_ns AND wrote.checkpoint_id = page.parent_checkpoint_id
ORDER BY page.checkpoint_id DESC
"""

_HEADS = """
WITH heads AS (
    SELECT DISTINCT ON (checkpoint_ns) checkpoint_ns, checkpoint_id, checkpoint -> 'versions_seen' AS seen
    FROM checkpoints WHERE thread_id = %(thread)s ORDER BY checkpoint_ns, checkpoint_id DESC
)
SELECT DISTINCT heads.checkpoint_ns, name, false FROM heads, jsonb_object_keys(heads.seen) AS name
UNION ALL
SELECT heads.checkpoint_ns, substring(w.task_path FROM '^~__pregel_pull, (.*)$'), true
FROM heads JOIN checkpoint_writes w ON w.thread_id = %(thread)s
    AND w.checkpoint_ns = heads.checkpoint_ns AND w.checkpoint_id = heads.checkpoint_id
WHERE w.channel = '__error__'
"""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One saved step: who ran, when, and what it changed."""

    checkpoint_id: str
    at: datetime
    #: loop, update or fork.
    source: str
    #: The subgraph it happened in, "team" or "team:inner"; empty at the top level.
    inside: str
    #: The nodes that ran; of a subgraph's node the whole way. Empty for the input.
    nodes: list[str]
    #: Did several tasks run that LangGraph keeps no names of?
    is_unnamed: bool
    #: Had it waited for people?
    has_waited: bool
    #: The names of the values that changed.
    changed: list[str]

    @property
    def words(self) -> str:
        """What happened, for people."""
        names = wording.listed([layouts.way(node) for node in self.nodes])
        if self.source == "update":
            return f"A person's answer was written down as {names}" if names else "The state was changed from outside"
        if self.source == "fork":
            return "Went back to this point"
        if names:
            return f"{names} ran"
        if self.is_unnamed:
            return "Several nodes ran at once"
        return f"{layouts.way(self.inside)} began" if self.inside else "The input came in"


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The nodes that have run and those that failed and were not run again."""

    done: list[str]
    failed: list[str]


def steps(thread_id: str, *, limit: int, before: str = "", after: str = "") -> list[Step]:
    """The newest steps of a thread and its subgraphs, newest first; `before` or `after` a checkpoint id."""
    if not _is_set_up():
        return []
    # "~" sorts behind every checkpoint id.
    given: dict[str, str | int] = {"thread": thread_id, "before": before or "~", "after": after, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, given)
        return [_step(*row) for row in cursor.fetchall()]


def marks(thread_id: str) -> Marks:
    """Which nodes have run, and which failed at the end. One query."""
    if not _is_set_up():
        return Marks(done=[], failed=[])
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, {"thread": thread_id})
        found = [(way(ns), name, is_failed) for ns, name, is_failed in cursor.fetchall() if name not in OWN_NODES]
    done = {_inside(place, name) for place, name, is_failed in found if not is_failed}
    return Marks(
        done=sorted(done), failed=sorted({_inside(p, name) for p, name, is_failed in found if is_failed and name})
    )


def way(namespace: str) -> str:
    """The subgraphs that a checkpoint namespace names, without the ids of their tasks."""
    return ":".join(part.partition(":")[0] for part in namespace.split("|") if part)


def theirs(channels: Iterable[str]) -> list[str]:
    """The graph's own values among these channels."""
    return [name for name in channels if not name.startswith(OWN_CHANNELS)]


def place_of(thread_id: str, checkpoint_id: str) -> str | None:
    """The namespace of one step of this thread; None if it has no such step."""
    if not _is_set_up():
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT checkpoint_ns FROM checkpoints WHERE thread_id = %s AND checkpoint_id = %s",
            [thread_id, checkpoint_id],
        )
        found = cursor.fetchone()
    return str(found[0]) if found else None


def _is_set_up() -> bool:
    """Are the checkpointer's tables there? Nothing has run before they are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('checkpoints') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def _step(
    namespace: str,
    checkpoint_id: str,
    at: str,
    source: str | None,
    changed: str | None,
    seen: str | None,
    before: str | None,
    is_sent: bool | None,
    has_waited: bool | None,
) -> Step:
    inside = way(namespace)
    ran = _ran(_read(seen) or {}, _read(before) or {}, is_sent=bool(is_sent))
    return Step(
        checkpoint_id=checkpoint_id,
        at=datetime.fromisoformat(at),
        source=source or "loop",
        inside=inside,
        nodes=[_inside(inside, name) for name in ran],
        is_unnamed=bool(is_sent) and not ran,
        has_waited=bool(has_waited),
        changed=theirs(_read(changed) or []),
    )


def _read(value: str | None) -> Any:
    """JSON as Django's connections hand it over. A step that nobody ran, such as an edit, says null."""
    return json.loads(value) if value else None


def _ran(seen: Mapping[str, Any], before: Mapping[str, Any], *, is_sent: bool) -> list[str]:
    """The nodes between two checkpoints: those that saw newer channels, and the one that was sent to.

    A node that `Send` runs sees no channel, so only the first time leaves a trace; after that it is known
    where just one node is run that way, as the tools of an agent are.
    """
    ran = {name for name in seen if name not in before or seen[name] != before[name]}
    sent = [name for name, channels in seen.items() if not channels and name not in OWN_NODES]
    if is_sent and not ran.intersection(sent) and len(sent) == 1:
        ran.update(sent)
    return sorted(ran - OWN_NODES)


def _inside(place: str, name: str) -> str:
    return f"{place}:{name}" if place else name
