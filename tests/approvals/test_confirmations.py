"""What is typed under a manual gate, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import confirmations

ARGS = {
    "to": "Bob & Sons",
    "amount": 250.5,
    "count": 3,
    "sure": True,
    "who": {"name": "acme"},
    "none": None,
    "all": [1],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{to}", "Bob & Sons"),
        ("{amount}", "250.5"),
        ("{count} to {to}", "3 to Bob & Sons"),
        ("{who.name}", "acme"),
        (" delete {who.name} ", "delete acme"),
        ("{sure}", "true"),
        ("{{{count}}}", "{3}"),
        ("", "pay"),
    ],
)
def test_the_text_is_made_from_the_arguments(template, text):
    assert confirmations.filled(template, action="pay", args=ARGS) == (text, "")


@pytest.mark.parametrize(
    ("template", "args", "why"),
    [
        ("{missing}", ARGS, "there is no argument missing"),
        ("{to.name}", ARGS, "there is no argument to.name"),
        ("{none}", ARGS, "not a text or a number"),
        ("{all}", ARGS, "not a text or a number"),
        ("{who}", ARGS, "not a text or a number"),
        ("{to}", {"to": "  "}, "comes to nothing"),
        ("{to}", {"to": "x" * 201}, "longer than 200"),
        ("{to}", {"to": "bob\u202e"}, "cannot be typed"),
        ("{to}", {"to": "p\u0430ypal"}, "cannot be typed"),
        ("{to}", {"to": "a\nb"}, "cannot be typed"),
        ("{to", ARGS, "no template"),
    ],
)
def test_what_cannot_be_made_falls_back_to_the_action_and_says_so(template, args, why):
    text, said = confirmations.filled(template, action="pay", args=args)
    assert text == "pay" and why in said


@pytest.mark.parametrize("template", ["YES", "{}", "{0}", "{a!r}", "{a:>5}", "{a[0]}", "{a b}", "{", "{a.}"])
def test_a_fixed_word_and_what_is_no_argument_are_no_confirmation(template):
    assert confirmations.problem(template)


@pytest.mark.parametrize("template", ["", "{to}", "{customer.name}", "pay {amount} to {to}"])
def test_a_confirmation_names_an_argument_or_is_left_to_the_action(template):
    assert confirmations.problem(template) is None


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none(), max_size=3))
def test_whatever_the_policy_and_the_agent_say_there_is_something_to_type(template, args):
    text, _ = confirmations.filled(template, action="pay", args=args)
    assert 0 < len(text) <= confirmations.LONGEST


def test_only_what_stands_around_it_is_forgiven():
    assert confirmations.fits(" acme\n", "acme")
    assert confirmations.fits("caf\u00e9", "cafe\u0301") and confirmations.fits("cafe\u0301", "caf\u00e9")
    assert not confirmations.fits("Acme", "acme") and not confirmations.fits("", "acme")
