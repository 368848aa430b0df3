"""One graph on its thread. The only module that resumes, and only by interrupt id.

A scalar resume delivered twice answers the *next* question; an id that is not pending re-enters the
node. So: `Command(resume={id: value})`, one id at a time, for an id that the state still lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import RESUME
from langgraph.errors import UnknownInterruptError
from langgraph.pregel import Pregel
from langgraph.types import Command, PregelTask, StateSnapshot

from agents import asks, edits, ledger, places, snapshots, tool_messages, transcripts
from agents.asks import Ask
from agents.checkpoints import Stopped
from agents.entries import GraphEntry
from agents.errors import BadAnswer, LeaseLost, NotApproved, StaleInterrupt
from agents.nodes import Nodes
from agents.protocols import Pause, Step
from agents.protocols.breakpoint import Verdict
from agents.snapshots import Seen, Stop
from approvals import digests

SUPERSEDED = "This was not run: a new message came before anyone decided."


class GraphRaised(Exception):
    """A node of the graph raised; the cause is what it raised."""


class Thread:
    """A graph and the thread it runs on. Its caller holds the lease."""

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any],
        *,
        thread_id: str,
        model: str,
        entry: GraphEntry,
        tools: Sequence[BaseTool] = (),
        asked: Any,
        token: int,
    ) -> None:
        self.graph = graph
        self.entry = entry
        self.nodes = Nodes(graph=graph, entry=entry, tools=tools)
        self.asked = asked
        # The strict key makes LangGraph itself refuse an id that is not pending, before it writes.
        self.config: RunnableConfig = {
            "configurable": {
                "thread_id": thread_id,
                "model": model,
                "__pregel_strict_resume": True,
                ledger.TOKEN: token,
                places.CALLS: places.Calls(),
            }
        }

    async def look(self) -> Seen:
        """What the thread waits for. Empty pauses mean that it is finished (or never began)."""
        snapshot = await self.graph.aget_state(self.config, subgraphs=True)
        checkpoint_id = str((snapshot.config.get("configurable") or {}).get("checkpoint_id", ""))
        return Seen(
            values=snapshot.values,
            checkpoint_id=checkpoint_id,
            pauses=self._pauses(snapshot, checkpoint_id),
            places=sorted(set(snapshots.places(snapshot))),
            results=snapshots.results(snapshot),
            unfinished=frozenset(task.id for task in snapshot.tasks if task.result is None),
            raised=any(task.error is not None for task in snapshot.tasks),
            may_be_breakpoint=self.nodes.may_stop_before(snapshot.next) or await self._is_inside(snapshot),
        )

    async def _is_inside(self, snapshot: StateSnapshot) -> bool:
        """Does a node that comes next stand inside a graph that it called itself, which may stop by itself too?"""
        saver = cast("BaseCheckpointSaver[Any]", self.graph.checkpointer)
        thread_id = self.config["configurable"]["thread_id"]
        for place in snapshots.namespaces(snapshot):
            config: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": place}}
            if await saver.aget_tuple(config) is not None:
                return True
        return False

    async def begin(self, value: Any, seen: Seen, *, tried: Mapping[str, str]) -> None:
        """New input. On a thread that waits, the calls it replaces are answered, so the order stays valid.

        `tried` says of calls that were let loose what is known of them.
        """
        await self._invoke(_answering(seen, value, tried))

    async def go_on(self, *, is_approved: bool = False) -> None:
        """Enter again what was left unfinished: what had finished of the step does not run twice.

        Raises NotApproved where the graph may have stopped by itself: to go on there is the approval.
        """
        seen = await self.look()
        if seen.may_be_breakpoint and not is_approved:
            raise NotApproved(places=", ".join(seen.places))
        await self._invoke(None)

    async def ask_again(self) -> None:
        """Ask the open questions again, without the answers that the graph could not use.

        LangGraph keeps such an answer and replays it for ever. A fork of the newest checkpoint knows no
        answers, but no finished siblings either and a subgraph starts anew; there only the answer is removed.
        Raises NotApproved where the graph asks nothing: then entering it runs what comes next.
        """
        snapshot = await self.graph.aget_state(self.config, subgraphs=True)
        if not any(task.interrupts for task in snapshot.tasks):
            raise NotApproved(places=", ".join(snapshots.places(snapshot)))
        bricked = list(snapshots.bricked(snapshot))
        nested = any(config["configurable"].get("checkpoint_ns") for config, _ in bricked)
        if any(task.result is not None for task in snapshot.tasks) or nested:
            for config, task in bricked:
                await self._take_back(config, task)
            await self._invoke(None)
        else:
            await self._invoke(None, fork_of=str(snapshot.config["configurable"]["checkpoint_id"]))

    async def answer(self, pause: Pause, value: Any) -> None:
        """Give one pause its answer and run on to the next pause or the end.

        Raises NotRun where an edit would lead past what people were asked about.
        """
        if isinstance(value, Verdict):
            if value.stop:
                raise BadAnswer(why="it ends the run, so there is nothing to hand over.")
            await self._go_on(pause, value)
            return
        await self._invoke(Command(resume={pause.interrupt_id: value}))

    async def _take_back(self, config: RunnableConfig, task: PregelTask) -> None:
        """Keep the answers that a task could use, and drop the last one."""
        saver = cast("BaseCheckpointSaver[Any]", self.graph.checkpointer)
        kept = await saver.aget_tuple(config)
        writes = kept.pending_writes or [] if kept else []
        given: Any = next((value for name, channel, value in writes if (name, channel) == (task.id, RESUME)), [])
        await saver.aput_writes(config, [(RESUME, list(given)[:-1])], task.id)

    async def _invoke(self, value: Any, *, stop_after: Sequence[str] | None = None, fork_of: str = "") -> None:
        config = self.config
        if fork_of:
            config = {"configurable": {**self.config["configurable"], "checkpoint_id": fork_of}}
        try:
            await self.graph.ainvoke(value, config, durability="sync", interrupt_after=stop_after)
        except (LeaseLost, Stopped):
            raise
        except UnknownInterruptError as error:
            raise StaleInterrupt(replaced_by="it has gone on since") from error
        except Exception as error:
            raise GraphRaised from error

    # Static breakpoints: nothing was asked, so the state is changed and the run goes on from it.

    async def _go_on(self, pause: Pause, verdict: Verdict) -> None:
        if verdict.update:
            await edits.apply(self.graph, verdict.update, config=self.config)
        asked = {call["id"]: call["args"] for call in pause.tool_calls or ()}
        if pause.is_whole or digests.alike(verdict.run, asked):
            await self._invoke(None)
        elif verdict.run:
            await self._run_some(pause, verdict)
        else:
            await self._run_none(pause, verdict)

    async def _run_none(self, pause: Pause, verdict: Verdict) -> None:
        """Every call is refused: answer them in the tool node's name, and the graph goes on behind it."""
        key = transcripts.messages_key((await self.look()).values)
        update = {key: tool_messages.refusals(pause, verdict)}
        await self._go_on_behind(self.nodes.tool_node([pause.node]), update)

    async def _run_some(self, pause: Pause, verdict: Verdict) -> None:
        """Run what was approved out of a message that asks for more.

        1. Take the refused calls out of the message, so that no tool node can run them.
        2. Run the tool node alone.
        3. Put the message back as the model wrote it, with an answer for every call.
        A crash in between leaves a thread in which the refused calls never ran.
        """
        values = (await self.look()).values
        key = transcripts.messages_key(values)
        message = cast(AIMessage, transcripts.unanswered(values)[0])
        trimmed = {key: [tool_messages.trimmed(message, verdict.run)]}
        # Without the refused calls the graph may route to another tool node, but to nothing else.
        await edits.apply(self.graph, trimmed, config=self.config, may_go_to=lambda name: self.nodes.tool_node([name]))
        nodes = sorted(set((await self.graph.aget_state(self.config)).next))
        await self._invoke(None, stop_after=nodes)
        after = (await self.look()).values
        if all(transcripts.result_of(after, name) for name in verdict.run):
            restored = [message, *tool_messages.notes(pause, verdict, after), *tool_messages.refusals(pause, verdict)]
            await self._go_on_behind(self.nodes.tool_node(nodes), {key: restored})
        else:
            # That was no tool node: what was refused stays out, because the node behind it may run it.
            await self._invoke(None)

    async def _go_on_behind(self, node: str, update: dict[str, Any]) -> None:
        """Say what the tool node said, and go on unless the graph stops there by itself."""
        await self.graph.aupdate_state(self.config, update, as_node=node)
        following = (await self.graph.aget_state(self.config)).next
        if not self.nodes.stops_before(following, behind=node):
            await self._invoke(None)

    # Reading a snapshot.

    def _pauses(self, snapshot: StateSnapshot, checkpoint_id: str) -> list[Pause]:
        asked = [(task, interrupt) for task in snapshot.tasks for interrupt in task.interrupts]
        if not asked:
            # A worker killed after a step and before its checkpoint leaves finished tasks and nothing next.
            return [self._breakpoint(snapshot, checkpoint_id)] if snapshot.tasks else []
        conversation = transcripts.of(snapshot.values, asked=self.asked)
        schemas, cards = self.nodes.tool_schemas(), self.nodes.cards()
        return [
            Pause(
                interrupt_id=interrupt.id,
                node=task.name,
                task_id=task.id,
                value=interrupt.value,
                response_schema=cast("dict[str, Any] | None", interrupt.response_schema),
                conversation=conversation,
                tool_schemas=schemas,
                cards=cards,
                words=self.entry.words or {},
                ask=asks.of(self.entry.asks, task.name),
                asks_before_tools=self.nodes.asks_before_its_tools(task.name),
                **self._guards(),
            )
            for task, interrupt in asked
        ]

    def _breakpoint(self, snapshot: StateSnapshot, checkpoint_id: str) -> Pause:
        """Only a caller that knows the run did not crash may take this for a pause: both look the same.

        Approved is everything that then runs: the open calls, and each node that is not known to run just them.
        """
        stops = list(snapshots.stops(snapshot))
        seen = {id(stop.snapshot): stop.snapshot for stop in stops}.values()
        calls = [call for inner in seen for call in transcripts.unanswered(inner.values)[1]]
        steps = [step for inner in seen for step in self._steps([stop for stop in stops if stop.snapshot is inner])]
        return Pause(
            interrupt_id=f"{snapshots.BREAKPOINT}{checkpoint_id}",
            node=", ".join(sorted({stop.node for stop in stops})),
            is_breakpoint=True,
            is_whole=bool(steps) or any(stop.inside for stop in stops),
            tool_calls=calls,
            steps=steps,
            may_edit=len(steps) == 1 and not any(stop.inside for stop in stops),
            conversation=transcripts.of(stops[0].snapshot.values if stops else snapshot.values, asked=self.asked),
            tool_schemas=self.nodes.tool_schemas(),
            cards=self.nodes.cards(),
            words=self.entry.words or {},
            ask=steps[0].ask if len(steps) == 1 else Ask(),
            **self._guards(),
        )

    def _guards(self) -> dict[str, Any]:
        return {"ledgered": self.nodes.ledgered(), "is_guarded": self.entry.is_guarded}

    def _steps(self, stops: Sequence[Stop]) -> list[Step]:
        """The nodes that are asked about by name: all but the one that runs the open calls and nothing else."""
        values, inside = stops[0].snapshot.values, stops[0].inside
        names = sorted({stop.node for stop in stops})
        _, calls = transcripts.unanswered(values)
        runs_calls = self.nodes.tool_node(names, inside=inside) if calls else ""
        state, fixed = transcripts.state(values), transcripts.fixed(values)
        return [
            Step(node=name, state=state, fixed=fixed, ask=asks.of(self.entry.asks, name))
            for name in names
            if name != runs_calls
        ]


def _answering(seen: Seen, value: Any, tried: Mapping[str, str]) -> Any:
    """The input, after an answer to every call of the model that has none: every provider insists on one.

    New input drops what the unfinished step had written, so the results of tools that had run are said again.
    """
    key = transcripts.messages_key(seen.values)
    _, waiting = transcripts.unanswered(seen.values)
    told = {message.tool_call_id for message in seen.results}
    left = [call for call in waiting if call["id"] not in told]
    said = [tool_messages.instead(call, tried.get(call["id"] or "", SUPERSEDED), status="error") for call in left]
    answers = [*seen.results, *said]
    if not answers or not isinstance(value, dict) or key not in value:
        return value
    new = value[key] if isinstance(value[key], list) else [value[key]]  # one message may come without a list
    return {**value, key: [*answers, *new]}
