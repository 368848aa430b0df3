"""Graphs that go wrong in every way a run has to survive; `EFFECTS` counts what really ran."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any, TypedDict

from django.db import OperationalError, connection
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send, interrupt

from tests.agents.example_graphs import EFFECTS, Asked, Parallel

NAMES = [
    "fussy",
    "fussy_team",
    "fussy_pair",
    "flaky",
    "pays_then_fails",
    "asks_twice",
    "acts_then_fails",
    "gated",
    "malformed",
    "loses_database",
    "says_nul",
    "raises_nul",
    "cut_off",
    "asks_anything",
    "asks_oddly",
    "calls_oddly",
    "works_then_asks",
    "loses_lease",
    "never_gives_up",
]
#: How often the next nodes raise; tests set it.
TROUBLE: list[Exception] = []
ENTERED, GO = threading.Event(), threading.Event()


def _graph(state: Any, *nodes: tuple[str, Any]) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(state)
    before = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder


def _trouble() -> None:
    if TROUBLE:
        raise TROUBLE.pop()


def _effect(name: str) -> Any:
    def act(state: Any) -> Any:
        EFFECTS.append(name)
        return {}

    return act


def _ask_for_an_object(state: Any) -> Any:
    """Takes an object only; any other answer is kept by LangGraph and raises for ever."""
    answer = interrupt("Which account?")
    if not isinstance(answer, dict):
        raise TypeError("the answer is not an object")
    EFFECTS.append(f"paid {answer['n']}")
    return {}


fussy = _graph(Asked, ("ask", _ask_for_an_object))
fussy_team = _graph(Asked, ("team", _graph(Asked, ("look", _effect("looked")), ("ask", _ask_for_an_object)).compile()))

fussy_pair = StateGraph(Parallel)
fussy_pair.add_node("ask", _ask_for_an_object)
fussy_pair.add_conditional_edges(START, lambda state: [Send("ask", {}), Send("ask", {})], ["ask"])


def _act(state: Asked) -> Asked:
    answer = interrupt("Go on?")
    _trouble()
    EFFECTS.append("acted")
    return {"first": answer}


flaky = _graph(Asked, ("look", _effect("looked")), ("act", _act))


def _act_only(state: Asked) -> Asked:
    return {"first": interrupt("Go on?")}


acts_then_fails = _graph(Asked, ("act", _act_only), ("later", lambda state: _trouble() or {}))


def _pay_then_fail(state: Asked) -> Asked:
    answer = interrupt("Go on?")
    if answer:
        EFFECTS.append("paid")
        _trouble()
    return {"first": answer}


pays_then_fails = _graph(Asked, ("pay", _pay_then_fail))


def _ask_twice(state: Asked) -> Asked:
    first = interrupt({"action": "pay", "args": {"amount": 5}})
    if first["approved"] and interrupt("Really?") is True:
        EFFECTS.append("paid 5")
        _trouble()
    return {}


asks_twice = _graph(Asked, ("ask", _ask_twice))


def _wait(state: Asked) -> Asked:
    answer = interrupt("Go on?")
    ENTERED.set()
    GO.wait(20)
    EFFECTS.append("acted")
    return {"first": answer}


gated = _graph(Asked, ("act", _wait), ("next", _effect("went on")))


def _malformed(state: Asked) -> Asked:
    return {"first": interrupt({"action_requests": [3], "review_configs": []})}


malformed = _graph(Asked, ("ask", _malformed))


def _lose_database(state: Asked) -> Asked:
    interrupt("Go on?")
    EFFECTS.append("acted")
    raise OperationalError("the connection is closed")


loses_database = _graph(Asked, ("act", _lose_database))


def _say_nul(state: Asked) -> Asked:
    interrupt("Go on?")
    return {"first": "a\0b"}


def _raise_nul(state: Asked) -> Asked:
    raise ValueError("a\0b")


says_nul = _graph(Asked, ("act", _say_nul))
raises_nul = _graph(Asked, ("act", _raise_nul))


def _cut_connections(state: Asked) -> Asked:
    """Every other connection to this database is gone, as after a restart; only the first time."""
    EFFECTS.append("looked")
    if EFFECTS.count("looked") == 1:
        with connection.cursor() as cursor:
            mine = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        connection.close()
    return {}


cut_off = _graph(Asked, ("look", _cut_connections), ("act", _act))


class Anything(TypedDict, total=False):
    """A question in any format."""

    value: Any
    shape: Any
    answer: Any


def _ask_anything(state: Anything) -> Anything:
    return {"answer": interrupt(state["value"], response_schema=state.get("shape"))}


asks_anything = _graph(Anything, ("ask", _ask_anything))


#: What no JSON can say; tests name one.
ODD: dict[str, Any] = {
    "a description that is no text": {
        "action_request": {"action": "pay", "args": {"n": 1}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True, "allow_respond": True},
        "description": {"en": "hello"},
    },
    "a guess that is a date": {"question": "When?", "best_guess": date(2026, 1, 1)},
    "a schema with U+0000": {
        "action_requests": [{"name": "pay", "args": {"n": 1}}],
        "review_configs": [
            {
                "action_name": "pay",
                "allowed_decisions": ["approve", "reject"],
                "args_schema": {"type": "object", "description": "a\0b"},
            }
        ],
    },
    "a schema that is none": {
        "action_requests": [{"name": "pay", "args": {"n": 1}}],
        "review_configs": [{"action_name": "pay", "allowed_decisions": ["approve"], "args_schema": "none"}],
    },
}


def _ask_oddly(state: Asked) -> Asked:
    return {"first": interrupt(ODD[state["asked"]])}


asks_oddly = _graph(Asked, ("ask", _ask_oddly))


def _call_oddly(state: Parallel) -> Any:
    call = {"name": "search", "args": {"score": float("nan")}, "id": "c1"}
    return {"messages": [AIMessage("", tool_calls=[call]), ToolMessage("found", tool_call_id="c1")]}


calls_oddly = _graph(Parallel, ("call", _call_oddly), ("ask", lambda state: {"asked": interrupt("Go on?")}))


def _work(state: Asked) -> Asked:
    EFFECTS.append("worked")
    _trouble()
    return {}


works_then_asks = _graph(Asked, ("work", _work), ("act", _act))


def _lose_lease(state: Asked) -> Asked:
    """Another worker takes the run in the middle of this step."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agents_run SET lease_token = lease_token + 1")
    connection.close()
    return {"first": "too late"}


loses_lease = _graph(Asked, ("look", _lose_lease), ("act", _act))


def _fail_for_ever(state: Asked) -> Asked:
    """The lease runs out at the first try."""
    EFFECTS.append("tried")
    if len(EFFECTS) == 1:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE agents_run SET lease_expires_at = '2020-01-01'")
        connection.close()
    raise ConnectionError


never_gives_up = StateGraph(Asked)
never_gives_up.add_node("try", _fail_for_ever, retry_policy=RetryPolicy(max_attempts=10_000, max_interval=0.02))
never_gives_up.add_edge(START, "try")
