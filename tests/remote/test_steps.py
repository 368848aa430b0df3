"""What the client sends and when, with no server and no clock: the replies are played to it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from agents.remote import calls, driving, results, steps
from agents.remote.connections import Connection
from agents.remote.errors import AlreadyFailed, Expired, InDoubt, Refused, Rejected, StillWaiting, Unreachable, Unusable
from agents.remote.steps import Approved, Call, Done, Pause, Reply

AWAY = Reply(status=0, why="connection refused")


def ticket(state: str = "pending", effect: Any = None, **facts: Any) -> Reply:
    told = {"id": 7, "url": "http://x/tickets/7/", "action": "pay", "args": {}, "state": state, "effect": effect}
    return Reply(status=200, body=told | facts)


def refusal(code: str, status: int = 409, **facts: Any) -> Reply:
    return Reply(status=status, body={"code": code, "detail": "No.", **facts})


def played(work: steps.Steps[Any], *replies: Reply) -> tuple[Any, list[str], list[float]]:
    """The end, the paths that were called, and the pauses."""
    left, paths, pauses, said = list(replies), [], [], None
    while True:
        try:
            step = work.send(said)
        except StopIteration as end:
            assert not left
            return end.value, paths, pauses
        said = None
        if isinstance(step, Pause):
            pauses.append(step.seconds)
        elif isinstance(step, Call):
            paths.append(f"{step.method} {step.path}")
            said = left.pop(0)


def permitted(**fields: Any) -> steps.Steps[Any]:
    asked = {"timeout": None, "grace": 0.0, "patience": 60.0} | fields
    return steps.permitted(ticket().body, name="me", **asked)


def test_a_server_that_is_away_is_asked_again_ever_more_slowly() -> None:
    told, _, pauses = played(steps.seen(7, patience=60), AWAY, AWAY, Reply(status=503), ticket("approved"))
    assert told["state"] == "approved"
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_it_waits_as_long_as_it_is_told_to() -> None:
    busy = Reply(status=429, headers={"retry-after": "17"})
    _, _, [pause] = played(steps.seen(7, patience=60), busy, ticket())
    assert 17 <= pause <= 22


@pytest.mark.parametrize("status", [429, 503])
def test_those_who_were_told_the_same_do_not_all_come_back_at_once(status: int) -> None:
    busy = Reply(status=status, headers={"retry-after": "5"})
    pauses = [played(steps.seen(7, patience=60), busy, ticket())[2][0] for _ in range(30)]
    assert min(pauses) >= 5
    assert max(pauses) - min(pauses) > 0.3


def test_patience_ends() -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        played(steps.seen(7, patience=0), AWAY)


def test_a_refusal_is_not_repeated() -> None:
    with pytest.raises(Refused) as refused:
        played(steps.seen(7, patience=60), refusal("not_found", 404))
    assert refused.value.code == "not_found"


def test_what_was_approved_is_claimed_before_it_runs() -> None:
    verdict, paths, _ = played(permitted(), ticket("approved"), ticket("approved", args={"amount": 5}))
    assert verdict == Approved(ticket=ticket("approved", args={"amount": 5}).body)
    assert paths == ["GET tickets/7", "POST tickets/7/claim"]


@pytest.mark.parametrize(("state", "raised"), [("rejected", Rejected), ("expired", Expired)])
def test_what_was_not_approved_is_never_claimed(state: str, raised: type[Exception]) -> None:
    with pytest.raises(raised, match="Too much"):
        played(permitted(), ticket(state, message="Too much"))


def test_an_approval_that_is_taken_back_is_waited_for_again() -> None:
    held = refusal("not_released", retry_after=3)
    replies = (ticket("approved"), held, ticket("pending"), ticket("rejected", message=""))
    with pytest.raises(Rejected):
        played(permitted(), *replies)


def test_who_was_faster_is_asked_for_the_result() -> None:
    done = ticket("approved", {"state": "succeeded", "result": 5, "error": None})
    verdict, _, _ = played(permitted(), ticket("approved"), refusal("already_claimed"), done)
    assert verdict == Done(result=5)


def test_what_nobody_reported_is_in_doubt_and_said_so() -> None:
    started = ticket("approved", {"state": "started", "result": None, "error": None})
    with pytest.raises(InDoubt, match="http://x/tickets/7/"):
        played(permitted(), ticket("approved"), refusal("already_claimed"), started, ticket())


def test_what_is_in_doubt_already_is_not_reported_again() -> None:
    unknown = ticket("approved", {"state": "unknown", "result": None, "error": ""})
    with pytest.raises(InDoubt):
        played(permitted(), ticket("approved"), refusal("already_claimed"), unknown)


def test_what_is_known_to_have_failed_is_not_tried_again() -> None:
    failed = ticket("approved", {"state": "failed", "result": None, "error": "No money."})
    with pytest.raises(AlreadyFailed, match="No money"):
        played(permitted(), ticket("approved"), refusal("already_claimed"), failed)


def test_a_wait_ends_when_it_was_told_to() -> None:
    with pytest.raises(StillWaiting):
        played(steps.decided(ticket().body, timeout=0, patience=60))


def test_a_report_that_was_taken_before_is_no_error() -> None:
    played(steps.reported(7, state="succeeded", patience=60), refusal("already_reported"))


def test_a_result_too_large_to_keep_is_reported_without_it() -> None:
    _, paths, _ = played(steps.reported(7, state="succeeded", patience=60), refusal("too_large", 413), ticket())
    assert len(paths) == 2


class Unwritable:
    """Has no words."""

    def __str__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
        ("caf\udce9.txt", "caf?.txt"),
        ({"\udce9": "\x00"}, {"?": "\N{REPLACEMENT CHARACTER}"}),
        (float("nan"), "nan"),
        (Unwritable(), "A Unwritable that cannot be written down."),
        (nested(100_000), "A list that cannot be written down."),
        (10**5000, "A int that cannot be written down."),
    ],
    ids=["plain", "surrogate", "key", "nan", "unwritable", "deep", "huge"],
)
def test_an_outcome_can_be_sent_whatever_it_looks_like(result: Any, told: Any) -> None:
    call = next(steps.reported(7, state="succeeded", result=result, error="\udce9", patience=60))
    assert isinstance(call, Call) and call.body == {"state": "succeeded", "result": told, "error": "?"}


def test_what_lies_too_deep_is_left_out() -> None:
    assert str(results.kept(nested(200))).count("[") == results.MOST_DEPTH + 1


SECRET = "cs_a-secret"


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("http://x", f"{SECRET}\n"),
        ("http://x", f"{SECRET} "),
        ("http://x", f"{SECRET}é"),
        ("localhost:8000", SECRET),
        ("ftp://x", SECRET),
        ("http://", SECRET),
        (f"http://x/{SECRET}\n", SECRET),
        ("http://x:port", SECRET),
    ],
    ids=["line", "space", "letter", "scheme", "ftp", "host", "sign", "port"],
)
def test_what_no_request_can_carry_is_refused_at_once_and_not_repeated(address: str, token: str) -> None:
    with pytest.raises(Unusable) as refused:
        Connection(address, token)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("key", ["a\nb", "märz"], ids=["line", "letter"])
def test_a_key_that_no_header_can_hold_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(Unusable):
        next(steps.asked({}, key=key, patience=60))


def test_what_the_library_cannot_send_is_not_tried_again() -> None:
    def send(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}'")

    work = steps.seen(7, patience=60)
    http = httpx.Client(transport=httpx.MockTransport(send), base_url="http://x")
    with http, pytest.raises(Unusable) as refused:
        driving.run(work, http)
    assert SECRET not in str(refused.value) and refused.value.__suppress_context__


def pay(amount: float, to: str = "bob", *notes: str, **more: str) -> tuple[Any, ...]:
    return amount, to, notes, more


class TestCalls:
    def test_people_sign_arguments_by_name_defaults_included(self) -> None:
        assert calls.bind(pay, (5,), {"why": "rent"}).args == {"amount": 5, "to": "bob", "notes": [], "why": "rent"}

    def test_an_unchanged_call_is_made_as_it_came(self) -> None:
        call = calls.bind(pay, (5, "erin", "a", "b"), {"why": "rent"})
        assert call.made(call.args) == (5, "erin", ("a", "b"), {"why": "rent"})

    def test_an_edit_changes_the_call(self) -> None:
        call = calls.bind(pay, (5,), {})
        assert call.made({"amount": 3, "to": "bob", "notes": ["x"]}) == (3, "bob", ("x",), {})

    @pytest.mark.parametrize(("asked", "signed"), [(1, True), ([{"a": 1}], [{"a": True}]), (True, 1), (0, False)])
    def test_an_edit_that_python_takes_for_the_same_changes_the_call_too(self, asked: Any, signed: Any) -> None:
        def take(value: Any) -> Any:
            return value

        assert repr(calls.bind(take, (asked,), {}).made({"value": signed})) == repr(signed)

    def test_two_arguments_of_one_name_are_not_asked_for(self) -> None:
        def take(a: int, /, *rest: int, **more: int) -> None: ...

        for name in ("a", "rest"):
            with pytest.raises(TypeError, match=f"two arguments of take are called {name}"):
                calls.bind(take, (1,), {name: 2})
        assert calls.bind(take, (1,), {"more": 2}).args == {"a": 1, "rest": [], "more": 2}

    def test_what_nobody_can_read_is_not_asked_for(self) -> None:
        with pytest.raises(TypeError, match="no JSON"):
            calls.bind(pay, (object(),), {})
        with pytest.raises(TypeError, match="no JSON"):
            calls.bind(pay, ("\udce9",), {})

    def test_the_same_call_has_the_same_key_and_another_has_another(self) -> None:
        first, same, other = (calls.bind(pay, args, {}) for args in ((5,), (5, "bob"), (6,)))
        assert calls.key_of("pay", first) == calls.key_of("pay", same) != calls.key_of("pay", other)
        assert calls.key_of("pay", first, prefix="november") != calls.key_of("pay", first)

    def test_the_schema_lets_nobody_add_what_the_function_does_not_take(self) -> None:
        def send(to: str, count: int = 1) -> None: ...

        assert calls.schema_of(send) == {
            "type": "object",
            "properties": {"to": {"type": "string"}, "count": {"type": "integer"}},
            "required": ["to"],
            "additionalProperties": False,
        }


def test_an_agent_elsewhere_needs_neither_django_nor_langgraph() -> None:
    code = "import sys, agents.remote.client; print([m for m in ('django', 'langgraph') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == "[]", told.stderr
