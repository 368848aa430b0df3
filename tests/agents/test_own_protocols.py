"""A project brings wire formats of its own, and a broken one takes nothing down."""

from __future__ import annotations

import importlib.metadata

import pytest

from agents import protocols
from agents.errors import BadAnswer, BadInterrupt
from agents.protocols import extensions
from approvals.contract import Answer
from tests.agents.test_protocols import INBOX, pause

OURS = "tests.agents.own_protocol"


@pytest.fixture
def named(settings):
    """Name formats by the setting."""

    def named(*targets):
        settings.COUNTERSIGN_PROTOCOLS = list(targets)

    return named


def test_a_format_named_by_the_setting_comes_first(named):
    named(OURS)
    asked = pause({"please": "pay", "action": "other", "args": {"n": 1}})
    [action] = protocols.to_actions(asked)
    assert (action.action, action.args) == ("pay", {"action": "other", "args": {"n": 1}})
    assert protocols.resume_value(asked, [Answer(type="approve")]) == "ok"


def test_a_format_installed_under_the_entry_point_is_found(named, monkeypatch):
    point = importlib.metadata.EntryPoint(name="please", value=OURS, group="countersign.protocols")
    asked_for = []
    monkeypatch.setattr(extensions, "entry_points", lambda group: asked_for.append(group) or [point])
    extensions._found.cache_clear()
    named()
    assert protocols.recognise(pause({"please": "pay"})).NAME == "please"
    assert asked_for == ["countersign.protocols"]
    extensions._found.cache_clear()


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no.such.module", "ModuleNotFoundError"),
        (f"{OURS}:Formats", "it has no NAME and no recognise"),
        (f"{OURS}:nowhere", "AttributeError"),
        ("", "ValueError"),
    ],
)
def test_a_broken_format_is_named_and_the_others_work(named, target, why):
    named(target, OURS)
    [fault] = extensions.found()[1]
    assert str(fault).startswith(f"The protocol {target} cannot be used: ")
    assert why in str(fault)
    assert protocols.recognise(pause({"please": "pay"})).NAME == "please"


@pytest.mark.parametrize(("value", "name"), [([INBOX], "agent_inbox"), (3, "plain"), (None, "plain")])
def test_a_format_that_breaks_on_a_pause_is_passed_over(named, value, name):
    named(OURS)
    assert name == protocols.recognise(pause(value)).NAME


def test_what_a_format_cannot_read_is_a_malformed_interrupt(named):
    named(OURS)
    with pytest.raises(BadInterrupt, match="the format “please”"):
        protocols.to_actions(pause(["please"]))


@pytest.mark.parametrize("answer", [Answer(type="respond", message="x"), Answer(type="approve", message="maybe")])
def test_its_answers_are_checked_like_any(named, answer):
    named(OURS)
    with pytest.raises(BadAnswer):
        protocols.resume_value(pause({"please": "pay"}), [answer])
