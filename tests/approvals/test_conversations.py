"""A ticket keeps the newest of what was said, and counts what it leaves out."""

from __future__ import annotations

from approvals import conversations


def turn(content: object, **fields: object) -> dict:
    return {"role": "tool", "content": content, "name": None, "tool_calls": [], **fields}


def test_a_short_conversation_is_kept_as_it_is():
    said = [turn("Pay bob."), turn("I pay.", tool_calls=[{"name": "pay", "args": {"n": 1}, "id": "c1"}])]
    assert conversations.kept(said) == said


def test_of_a_long_one_the_newest_turns_are_kept():
    kept = conversations.kept(turn(f"{n} " + "x" * 1_000) for n in range(200))
    assert len(str(kept)) < 40_000
    assert kept[-1]["content"].startswith("199 ")
    assert (
        kept[0]["content"] == f"({201 - len(kept)} earlier turns not kept here; the page of the run has all of them.)"
    )


def test_of_a_long_turn_its_beginning_is_kept():
    [kept] = conversations.kept([turn("x" * 100_000)])
    assert kept["content"].endswith("xxx… (96,000 more characters)")


def test_a_call_with_too_many_words_keeps_its_name():
    [kept] = conversations.kept([turn("", tool_calls=[{"name": "pay", "args": {"memo": "x" * 9_000}, "id": "c1"}])])
    assert kept["tool_calls"] == [{"name": "pay", "args": "(9,012 characters)"}]


def test_what_is_no_turn_is_no_failure():
    assert conversations.kept([3, None, "x" * 9_000, {"content": [{"text": "y" * 9_000}]}])
