"""Run a graph in this process until it pauses or ends."""

from __future__ import annotations

import json
import sys
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from agents import registry, terminal
from agents.errors import AgentError
from agents.following import Follower
from agents.models import Run, RunStatus
from approvals import masks, wording
from approvals.errors import Frozen
from approvals.models import Ticket

PAUSED_OR_DONE = {RunStatus.PAUSED, RunStatus.SUCCEEDED}
USAGE = 2
INTERRUPTED = 130
GOES_ON = "The run goes on without you: a worker resumes it."
LEFT = {
    RunStatus.QUEUED: GOES_ON,
    RunStatus.RUNNING: "If it was in a step, a worker brings the run to an honest state within a minute.",
    RunStatus.PAUSED: "The run waits as it is: a worker resumes it when its tickets are decided.",
}


class Command(BaseCommand):
    """`run_agent GRAPH --message TEXT`: exit 0 paused or succeeded, 1 failed or rejected, 2 usage, 130 Ctrl-C."""

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
        options["thread_id"] = options["thread_id"] or str(uuid.uuid4())
        try:
            run = self._run(options) if options["wait"] is None else self._follow(options)
        except (AgentError, Frozen) as error:
            raise CommandError(str(error), returncode=USAGE) from error
        except KeyboardInterrupt:
            self._let_be(options)
            sys.exit(INTERRUPTED)
        self._report(run, as_json=options["json"])
        if run.standing not in PAUSED_OR_DONE:
            sys.exit(1)

    def _run(self, options: dict[str, Any]) -> Run:
        # Imported when it is used: LangGraph and LangChain take a second that `--help` need not.
        from agents import runner, workers

        entry = registry.get(options["graph"])
        requester = _user(options["requester"])
        known = Run.objects.filter(thread_id=options["thread_id"], graph=entry.name).first()
        if known is not None and options["message"] is None and options["input"] is None:
            return known
        given = _input(entry, options)
        with workers.enrolled("run_agent"):
            return runner.start_sync(
                graph=entry.name,
                input=given,
                thread_id=options["thread_id"],
                requester_id=requester,
                model=options["model"],
            )

    def _follow(self, options: dict[str, Any]) -> Run:
        """Run it and stay; what happens is told on the way, beside the JSON if that is asked for."""
        out = self.stderr if options["json"] else self.stdout
        with terminal.shown_on(out, is_terminal=out.isatty(), is_error=options["json"]) as view:
            follower = Follower(options["thread_id"], view=view)
            with follower.beside():
                run = self._run(options)
            follower.until_over(seconds=options["wait"])
        run.refresh_from_db()
        return run

    def _let_be(self, options: dict[str, Any]) -> None:
        """Ctrl-C: nothing is taken back; say how to go on."""
        run = Run.objects.filter(thread_id=options["thread_id"]).first()
        if run is None:
            self.stderr.write("Stopped before the run began.")
            return
        if options["json"]:
            self._report(run, as_json=True)
        self.stderr.write(LEFT.get(run.standing, "The run is over."))
        self.stderr.write(f"To wait for it: manage.py run_agent {run.graph} --thread-id {run.thread_id} --wait")

    def _report(self, run: Run, *, as_json: bool) -> None:
        facts = report(run)
        if as_json:
            self.stdout.write(json.dumps(facts))
            return
        stands = terminal.status(Run.objects.told().get(pk=run.pk))
        self.stdout.write(f"{facts['graph']} {facts['thread_id']}: {stands}")
        for ticket in facts["tickets"]:
            self.stdout.write(f"  {wording.visible(ticket['action'])}: {ticket['state']} {ticket['url']}")
        if facts["output"] is not None:
            self.stdout.write(f"  {wording.visible(str(facts['output']))}")
        if facts["error"]:
            self.stderr.write(wording.visible(facts["error"]))


def report(run: Run) -> dict[str, Any]:
    """What the contract promises to print, secrets hidden."""
    tickets = Ticket.objects.filter(thread_id=run.thread_id).order_by("id")
    site = settings.PUBLIC_URL
    return {
        "thread_id": run.thread_id,
        "graph": run.graph,
        "status": run.standing.value,
        "tickets": [
            {"id": t.pk, "action": t.action, "state": t.state, "url": site + t.get_absolute_url()} for t in tickets
        ],
        # What is printed here ends in logs as often as on a screen.
        "output": masks.value(run.output),
        "error": masks.text(run.error) or None,
    }


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
        raise CommandError(f"--input cannot read {source[1:]}: {error.strerror}.", returncode=USAGE) from error


def _user(name: str | None) -> int | None:
    if name is None:
        return None
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no user called “{name}”.", returncode=USAGE)
    return int(user.pk)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ArgumentTypeError("a number of seconds, 0 or more")
    return seconds
