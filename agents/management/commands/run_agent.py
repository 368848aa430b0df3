"""Run a graph in this process until it pauses or ends."""

from __future__ import annotations

import json
import sys
import time
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from agents import registry
from agents.errors import AgentError
from agents.models import Run, RunStatus
from approvals.models import Ticket

PAUSED_OR_DONE = {RunStatus.PAUSED, RunStatus.SUCCEEDED}
USAGE = 2
POLL_SECONDS = 0.2


class Command(BaseCommand):
    """`run_agent GRAPH --message TEXT`: exit 0 paused or succeeded, 1 failed or rejected, 2 usage."""

    help = "Run a graph until it pauses for people or ends. Exit code 0, 1 (failed, rejected) or 2 (usage)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags of the contract."""
        parser.add_argument("graph", help="a registered graph; see list_graphs")
        given = parser.add_mutually_exclusive_group()
        given.add_argument("--message", help="what to ask, in plain words")
        given.add_argument("--input", help="the graph's input: JSON, @FILE or - for standard input")
        parser.add_argument("--thread-id", help="continue this run, or name a new one")
        parser.add_argument("--requester", help="the user who asks; barred from approving")
        parser.add_argument("--model", default="", help="PROVIDER:MODEL; else the scripted one")
        parser.add_argument(
            "--wait", nargs="?", type=_seconds, const=0.0, metavar="SECONDS", help="stay until the run ends"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, report, and exit with what happened."""
        try:
            run = self._run(options)
        except AgentError as error:
            raise CommandError(str(error), returncode=USAGE) from error
        if options["wait"] is not None:
            run = _wait(run, seconds=options["wait"])
        self._report(run, as_json=options["json"])
        if run.status not in PAUSED_OR_DONE:
            sys.exit(1)

    def _run(self, options: dict[str, Any]) -> Run:
        # Imported when it is used: LangGraph and LangChain take a second that `--help` need not.
        from agents import runner

        entry = registry.get(options["graph"])
        requester = _user(options["requester"])
        thread_id = options["thread_id"] or str(uuid.uuid4())
        known = Run.objects.filter(thread_id=thread_id, graph=entry.name).first()
        if known is not None and options["message"] is None and options["input"] is None:
            return known
        return runner.start_sync(
            graph=entry.name,
            input=_input(entry, options),
            thread_id=thread_id,
            requester_id=requester,
            model=options["model"],
        )

    def _report(self, run: Run, *, as_json: bool) -> None:
        facts = report(run)
        if as_json:
            self.stdout.write(json.dumps(facts))
            return
        self.stdout.write(f"{facts['graph']} {facts['thread_id']}: {facts['status']}")
        for ticket in facts["tickets"]:
            self.stdout.write(f"  {ticket['action']}: {ticket['state']} {ticket['url']}")
        if facts["output"] is not None:
            self.stdout.write(f"  {facts['output']}")
        if facts["error"]:
            self.stderr.write(str(facts["error"]))


def report(run: Run) -> dict[str, Any]:
    """What the contract promises to print."""
    tickets = Ticket.objects.filter(thread_id=run.thread_id).order_by("id")
    site = settings.PUBLIC_URL
    return {
        "thread_id": run.thread_id,
        "graph": run.graph,
        "status": run.status,
        "tickets": [
            {"id": t.pk, "action": t.action, "state": t.state, "url": site + t.get_absolute_url()} for t in tickets
        ],
        "output": run.output,
        "error": run.error or None,
    }


def _wait(run: Run, *, seconds: float) -> Run:
    """Until the run is over, or for that many seconds; 0 waits for ever."""
    deadline = time.monotonic() + seconds if seconds else float("inf")
    while not RunStatus(run.status).is_over and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        run.refresh_from_db()
    return run


def _input(entry: registry.GraphEntry, options: dict[str, Any]) -> Any:
    if options["message"] is not None:
        if not options["message"].strip():
            raise CommandError("The message is empty.", returncode=USAGE)
        return registry.message_input(entry, options["message"])
    if options["input"] is None:
        raise CommandError("Give the graph something to do: --message or --input.", returncode=USAGE)
    try:
        return json.loads(_text(options["input"]))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--input is not JSON: {error}.", returncode=USAGE) from error


def _text(source: str) -> str:
    if source == "-":
        return sys.stdin.read()
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).read_text()
    except OSError as error:
        raise CommandError(f"--input cannot read a file: {error.strerror}.", returncode=USAGE) from error


def _user(name: str | None) -> int | None:
    if name is None:
        return None
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no user called “{name}”.", returncode=USAGE)
    return int(user.pk)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise ValueError
    return seconds
