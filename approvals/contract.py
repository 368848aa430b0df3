"""What crosses the border between a runtime and the promise: plain values, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ALL_DECISIONS = ("approve", "edit", "reject", "respond")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of an action whatever its arguments; empty where nobody has said it."""

    #: What it will do, with the arguments in braces: "Transfer {amount} to {to}".
    title: str = ""
    #: The arguments to look at first.
    salient: tuple[str, ...] = ()
    #: Can it be undone, and how?
    reversible: bool | None = None
    undo: str = ""
    #: What it touches: "production", "the demo bank".
    environment: str = ""
    #: low, medium, high or critical.
    risk: str = ""


@dataclass(frozen=True, kw_only=True)
class ProposedAction:
    """One action an agent wants to take, as a wire format described it."""

    #: The tool's name, or what the graph calls the step.
    action: str
    args: dict[str, Any]
    #: JSON Schema of the arguments, where the graph's tools could tell.
    args_schema: dict[str, Any] | None = None
    #: The agent's words about the action. Hostile text.
    description: str = ""
    reasoning: str = ""
    #: What it found, each {"title", "text", "source"}, and what it says for and against. Hostile text too.
    evidence: Sequence[Any] = field(default_factory=tuple)
    case_for: str = ""
    case_against: str = ""
    #: The conversation so far: {"role": "user|agent|tool|system", "content", "name", "tool_calls"}.
    context: Sequence[dict[str, Any]] = field(default_factory=tuple)
    #: 0 to 1, the agent's own claim.
    confidence: float | None = None
    allowed_decisions: tuple[str, ...] = ALL_DECISIONS
    #: JSON Schema of an answer, where the graph says what one looks like.
    answer_schema: dict[str, Any] | None = None
    #: What the agent would go on with if nobody answered its question.
    best_guess: Any = None
    #: True where an answer in words is itself what lets the graph act: then it needs the same sign-offs.
    answer_releases: bool = False
    tool_call_id: str = ""
    #: What the agent's own side knows of the action.
    card: Card = field(default_factory=Card)
    #: True where the action is known to run through the ledger of effects, and so never twice.
    is_ledgered: bool = False
    #: The keys of `args` that are shown and weighed, and are no arguments of the tool.
    beside: frozenset[str] = frozenset()
    #: Place of this action in a batched interrupt.
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a proposal comes from; opaque text to `approvals`."""

    graph: str
    thread_id: str
    interrupt_id: str = ""
    checkpoint_id: str = ""
    protocol: str = ""
    requester_id: int | None = None
    #: When the requester last said what to do; what was refused before that is another story.
    since: datetime | None = None
    #: Nothing was ever asked in this thread.
    is_new: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a resolved ticket says to its graph."""

    type: str
    #: The arguments of the approved revision; None where nothing was approved.
    args: dict[str, Any] | None = None
    message: str = ""
    #: True when a deadline decided, not a person.
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class NewDecision:
    """One reviewer's word, bound by `digest` to the revision that was shown."""

    type: str
    digest: str
    #: The edited arguments; with `respond` the fields of the answer.
    args: dict[str, Any] | None = None
    message: str = ""
    confirm: str = ""
    #: What an edit calls the action; its own name or nothing, for an edit changes the arguments only.
    action: str = ""
    #: Let exactly the same run again for as long as the policy allows.
    remember: bool = False
    #: How many of their own approvals of this revision the reviewer knew to be taken back; None: this is said anew.
    #: What was posted before a recall says fewer than there are, and is not said again by being repeated.
    taken_back: int | None = None
