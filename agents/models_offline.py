"""The offline chat model: rules that turn plain sentences into tool calls.

It is not a language model and says so in every message. It makes the whole product work, and its
tests repeatable, on a machine with no account anywhere: the same conversation always gives the same
next message, with the same tool call ids, so a node that runs again asks for the same thing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

LABEL = "scripted, offline; not a language model"

#: What the model understands, as it tells the user.
FORMS = (
    "search TEXT",
    "read FILE",
    "email ADDRESS subject TEXT body TEXT",
    "order N ITEM",
    "delete data NAME",
    "transfer AMOUNT to NAME",
    "purge account NAME",
    "ask TEXT",
)


#: The tool to ask with, where the model was given it, and what ends the words before a guess of its own.
CLARIFY = "clarify"
GUESS_ENDS = "best guess:"

#: How a graph tells a model what a reviewer said about its plan.
FEEDBACK = "A reviewer rejected “{proposal}”: {reason}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool call that a sentence asks for."""

    tool: str
    args: dict[str, Any]
    #: The sentence as written: the model's only reason for the call.
    words: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a task asks for: turns of calls, one after another; the calls of one turn go out together."""

    turns: tuple[tuple[Call, ...], ...] = ()
    #: The part that is no command. A task is never half understood: with one, there are no turns.
    unread: str = ""


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


_NAME = r"[^\s,](?:[^,\n]*[^\s,.])?"
#: Sentence, tool, and how to read the arguments. The forms with free TEXT take everything to the end.
_GRAMMAR: tuple[tuple[str, str, dict[str, Callable[[str], Any]]], ...] = (
    (r"search\s+(?:for\s+)?(?P<query>\S.*)", "search", {}),
    (rf"read\s+(?P<path>{_NAME})\.?", "read_file", {}),
    (
        r"email\s+(?P<to>[^\s,]+@[^\s,]+)\s+subject\s+(?P<subject>\S.*?)\s+body\s+(?P<body>\S.*)",
        "send_email",
        {},
    ),
    (rf"order\s+(?P<quantity>\d{{1,9}})\s+(?P<item>{_NAME})\.?", "create_order", {"quantity": int}),
    (rf"delete\s+data\s+(?P<name>{_NAME})\.?", "delete_data", {}),
    (
        rf"transfer\s+(?P<amount>\d{{1,12}}(?:\.\d{{1,12}})?)\s+to\s+(?P<to>{_NAME})\.?",
        "transfer_money",
        {"amount": _number},
    ),
    (rf"purge\s+account\s+(?P<name>{_NAME})\.?", "purge_account", {}),
    (r"ask\s+(?P<question>\S.*)", "ask", {}),
)
_COMMANDS = tuple(
    (re.compile(rf"(?:please\s+)?{pattern}", re.IGNORECASE | re.DOTALL), tool, convert)
    for pattern, tool, convert in _GRAMMAR
)

_JOINER = re.compile(r"(,\s*then\s+|,\s*and\s+also\s+)", re.IGNORECASE)


def command(words: str) -> Call | None:
    """The tool call of one sentence, or None when it is none of the forms."""
    text = words.strip()
    for pattern, tool, convert in _COMMANDS:
        if found := pattern.fullmatch(text):
            args = {key: convert.get(key, str)(value) for key, value in found.groupdict().items()}
            return Call(tool=tool, args=args, words=text.removesuffix("."))
    return None


def parse(text: str) -> Plan:
    """Read a task: commands joined by ", then" (the next turn) or ", and also" (the same turn).

    A piece that is no command belongs to the text before it ("body Wait, then reply" is one body).
    """
    turns: list[list[str]] = []
    pieces = _JOINER.split(text.strip())
    for joiner, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        if joiner and turns and command(piece) is None:
            turns[-1][-1] += joiner + piece
        elif "also" in joiner.lower() and turns:
            turns[-1].append(piece)
        else:
            turns.append([piece])
    planned: list[tuple[Call, ...]] = []
    for turn in turns:
        calls = [command(words) for words in turn]
        if None in calls:
            return Plan(unread=turn[calls.index(None)].strip())
        planned.append(tuple(call for call in calls if call is not None))
    return Plan(turns=tuple(planned))


class ScriptedChatModel(BaseChatModel):
    """A rule-based, offline stand-in for a chat model. Scripted; not a language model."""

    #: The tools it was given; None when none were bound, and then it only talks.
    tool_names: tuple[str, ...] | None = None

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model, allowed to call these tools."""
        return ScriptedChatModel(tool_names=tuple(_tool_name(tool) for tool in tools))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=reply(messages, tools=self.tool_names))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # Nothing here waits, so there is no thread to pay for.
        return self._generate(messages)


def reply(messages: Sequence[BaseMessage], *, tools: Sequence[str] | None = None) -> AIMessage:
    """The next message of a conversation: the next turn of the last task, or what came of it."""
    at = next((i for i in reversed(range(len(messages))) if _is_task(messages[i])), None)
    if at is None:
        return _say("There is no task yet.")
    task, results = messages[at], [m for m in messages[at + 1 :] if isinstance(m, ToolMessage)]
    plan = parse(_feedback(task) or _answer(task))
    if plan.unread and tools and CLARIFY in tools:
        return _clarified(plan.unread, results) or _call((_question(plan.unread),), salt=[task.id, at], tools=tools)
    if plan.unread or tools is None:
        return _say(_no_command(plan.unread or task.text))
    answered = 0
    for number, turn in enumerate(plan.turns):
        if answered >= len(results):
            rules = [message.text for message in messages if isinstance(message, SystemMessage)]
            return _call(turn, salt=[task.id, at, task.text, rules, number], tools=tools)
        answered += len(turn)
    return _say("\n".join(account(result) for result in results))


def _is_task(message: BaseMessage) -> bool:
    """A person's message, unless it is a reviewer's reason that is no command: then the task stands as it was.

    An answer to a question of ours is the task, where it is a command.
    """
    if isinstance(message, ToolMessage):
        return message.name == CLARIFY and bool(parse(_answer(message)).turns)
    reason = _feedback(message)
    return isinstance(message, HumanMessage) and (not reason or bool(parse(reason).turns))


def _feedback(message: BaseMessage) -> str:
    found = re.fullmatch(FEEDBACK.format(proposal=".*?", reason="(.*)"), message.text, re.DOTALL)
    return found[1] if found else ""


def _answer(message: BaseMessage) -> str:
    """A person's words, without those that say whose guess they were."""
    return message.text.rpartition(GUESS_ENDS)[2].strip() if isinstance(message, ToolMessage) else message.text


def _question(unread: str) -> Call:
    args = {"question": f'What do you mean by "{unread}"?', "best_guess": f"search {unread}"}
    return Call(tool=CLARIFY, args=args, words=f'ask what "{unread}" means')


def _clarified(unread: str, results: Sequence[ToolMessage]) -> AIMessage | None:
    """What came of the question; None before it was asked."""
    answers = [result for result in results if result.name == CLARIFY]
    if not answers:
        return None
    if answers[-1].status == "error":
        return _say(f"I did nothing. {answers[-1].text}")
    said = answers[-1].text.rstrip(".")
    return _say(f'By "{unread}" you mean: {said}. That is not a task I know either, so I did nothing.')


def account(result: ToolMessage) -> str:
    """One honest sentence or two on what came of a tool call."""
    name, text = result.name or "The tool", result.text
    if rejected := re.fullmatch(r"User rejected the tool call for `.*?` with reason: (.*)", text, re.DOTALL):
        reason = rejected[1]
        verb = "was not run" if re.search(r"timed out|deadline", reason, re.IGNORECASE) else "was rejected"
        return f"{name} {verb}, so nothing was done. Reason: {reason}"
    if text.startswith("User rejected the tool call"):
        return f"{name} was rejected without a reason, so nothing was done."
    if result.status == "error":
        return f"{name} was not done: {text}"
    edited = re.search(r"Executed instead: (.*?)\.\n\nTool response:\n(.*)", text, re.DOTALL)
    if edited and text.startswith("Note: a human reviewer replaced this tool call"):
        return f"A reviewer changed the call before it ran, to {edited[1]}. Result: {edited[2]}"
    return f"{name}: {text}"


def _call(turn: Sequence[Call], *, salt: list[Any], tools: Sequence[str]) -> AIMessage:
    missing = [call.tool for call in turn if call.tool not in tools]
    if missing:
        return _say(f"The task needs {', '.join(missing)}, which I was not given, so I stop here.")
    calls = [
        {"name": call.tool, "args": call.args, "id": _call_id([*salt, position, call.tool, call.args])}
        for position, call in enumerate(turn)
    ]
    return _say(f"The task asks to {' and to '.join(call.words for call in turn)}.", tool_calls=calls)


def _call_id(parts: list[Any]) -> str:
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    return f"call_{digest.hexdigest()[:24]}"


def _say(text: str, **fields: Any) -> AIMessage:
    return AIMessage(content=f"{text} ({LABEL})", response_metadata={"model_name": "scripted", "note": LABEL}, **fields)


def _no_command(text: str) -> str:
    forms = "; ".join(FORMS)
    return f'I did nothing: "{text}" is not a task I know. I understand: {forms}; joined by ", then" or ", and also".'


def _tool_name(tool: dict[str, Any] | type | Callable[..., Any] | BaseTool) -> str:
    if isinstance(tool, dict):
        return str(tool.get("function", tool).get("name", ""))
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", ""))
