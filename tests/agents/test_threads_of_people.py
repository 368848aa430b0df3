"""A thread belongs to whoever started it."""

from __future__ import annotations

import pytest

from agents import inputs, runs
from agents.errors import BadInput, ThreadOfAnotherPerson
from agents.registry import get

pytestmark = pytest.mark.django_db


def register(requester_id):
    return runs.register("t", graph="operations", value={}, requester_id=requester_id, model="scripted")


def test_nobody_speaks_on_somebody_else_s_thread(alice, dave):
    register(dave.pk)
    with pytest.raises(ThreadOfAnotherPerson):
        register(alice.pk)


def test_nobody_in_particular_is_somebody_else_too(dave):
    register(dave.pk)
    with pytest.raises(ThreadOfAnotherPerson):
        register(None)


def test_the_same_person_goes_on(dave):
    assert register(dave.pk).pk == register(dave.pk).pk


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_input_that_the_database_cannot_keep_is_refused(text):
    with pytest.raises(BadInput):
        inputs.check(get("operations"), {"messages": [{"role": "user", "content": text}]})
