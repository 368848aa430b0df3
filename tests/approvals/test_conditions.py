"""What a condition may be: what is wrong with one is said in a sentence, and none can hold up or end a process."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import conditions
from approvals.conditions import ConditionError


def problem(condition, **args):
    with pytest.raises(ConditionError) as caught:
        conditions.holds(condition, {"args": args})
    return str(caught.value)


def test_what_a_condition_gave_instead_is_told_to_nobody():
    assert "hunter2" not in problem("args.password", password="hunter2")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("args.amount >", "it ends too early"),
        ("(1", "it ends too early"),
        ("a b", "“b” is not understood at character 3"),
        ("1.0 &&& true", "“&” is not understood at character 7"),
        ("args..to", "“..” is not understood at character 6"),
        ("args.amount >\n 1.0 )", "“)” is not understood at line 2, character 6"),
        ("true\n &&", "it ends too early"),
    ],
)
def test_what_is_no_cel_is_said_in_one_sentence_with_its_place(condition, why):
    assert problem(condition) == f"not a CEL expression: {why}"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("args.to == 'x'", "there is no 'to'"),
        ("args.amount + 1.0 > 1.0", "the values do not go together; write double(…) around a number that may be whole"),
        ("double(args.name) > 1.0", "Function 'double' error: string parse error: invalid float literal"),
        ("nothing_like_it(args)", "Undefined variable or function: 'nothing_like_it'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_sentence(condition, why):
    assert problem(condition, amount=1, name="x") == why


@given(st.text(alphabet="ab1.&|()[]{}\"'\\ \n><=+-?:,", max_size=40))
def test_whatever_is_written_the_sentence_is_short_and_on_one_line(condition):
    try:
        conditions.compiled(condition)
    except ConditionError as error:
        assert "\n" not in str(error) and len(str(error)) < 500 and "expecting" not in str(error)


@pytest.mark.parametrize("condition", ["1" + "+1" * 100_000, "args" + ".x" * 100_000, "!" * 100_000 + "true"])
def test_a_condition_as_long_as_a_book_does_not_end_the_process(condition):
    assert problem(condition) == "it has more than 4,000 characters"


@pytest.mark.parametrize(
    "condition", ["1" + "+1" * 1_990 + " > 1", "has(args" + ".x" * 1_990 + ")", "!" * 3_990 + "true"]
)
def test_the_longest_that_may_be_is_evaluated(condition):
    try:
        conditions.holds(condition, {"args": {}})
    except ConditionError as error:
        assert "characters" not in str(error)


@pytest.mark.parametrize(
    "condition",
    [
        "args.l.all(a, args.l.all(b, true))",
        "size(args.l.filter(a, true)) > 1",
        "args.l . map (a, a) == [1]",
        "size(args.l.map//\n(action, action)) > 1",
    ],
)
def test_a_long_list_of_an_agent_s_does_not_hold_up_the_process(condition):
    before = time.thread_time()
    assert "too many values" in problem(condition, l=list(range(50_000)))
    assert time.thread_time() - before < 1


@pytest.mark.parametrize("condition", ["args.l.all(a, true)", "args.l.exists(a, a == 9) && args.l.all(a, a >= 0)"])
def test_a_long_list_may_be_gone_through_once_and_once_again(condition):
    assert conditions.holds(condition, {"args": {"l": list(range(50_000))}})


@pytest.mark.parametrize(
    "condition",
    [
        "args.orders.exists(order, order.items.exists(item, item == 4))",
        "size(args.orders.filter(order, size(order.items) > 1)) == 1",
        "args.orders.map(order, size(order.items)) == [3, 1]",
    ],
)
def test_short_lists_are_weighed_in_any_way(condition):
    assert conditions.holds(condition, {"args": {"orders": [{"items": [1, 2, 3]}, {"items": [4]}]}})


def test_lists_that_are_written_out_count_too():
    many = "[" + "1," * 900 + "1]"
    assert problem(f"{many}.all(a, {many}.all(b, true))") == "it goes through too many lists in lists"


def test_what_stands_in_a_text_or_a_comment_is_no_work():
    condition = 'args.s != ".all(((.map(" && args.l.all(a, true) // .all(.map('
    assert conditions.holds(condition, {"args": {"s": "", "l": list(range(50_000))}})
