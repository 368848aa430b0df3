"""With every defence on no order of events breaks a promise; with any one off there is one that does.

`python -m pytest tests/model -s` prints the shortest such order for each of them.
"""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tests.model.search import explore
from tests.model.world import Defences, Rules

ALL = Defences()
WORLDS = {
    "the requester is one of the reviewers": Rules(people="ABR", requester="R"),
    "three reviewers, and who edited may not sign": Rules(people="ABC", requester="R", may_editor_sign=False),
}
#: What each defence holds off, in the words of the promise that breaks without it.
HOLDS_OFF = {
    "digest_is_bound": "released: different people who may sign now have seen and signed exactly this",
    "edit_voids_votes": "released: different people who may sign now have seen and signed exactly this",
    "release_checks_people": "released: different people who may sign now have seen and signed exactly this",
    "claim_checks_people": "claimed: different people who may sign now have seen and signed exactly this",
    "requester_is_barred": "released: different people who may sign now have seen and signed exactly this",
    "editor_is_barred": "released: different people who may sign now have seen and signed exactly this",
    "one_word_each": "released: different people who may sign now have seen and signed exactly this",
    "row_is_locked": "what has its signatures does not wait",
    "claim_is_once": "it happens at most once",
    "claim_ends_recall": "nothing happens that was taken back",
    "doubt_is_not_retried": "it happens at most once",
}


def without(defence):
    """The shortest way to a broken promise, in the first world that has one."""
    found = (explore(rules, replace(ALL, **{defence: False})) for rules in WORLDS.values())
    return next((f for f in found if f.broken), None)


@pytest.mark.parametrize("rules", WORLDS.values(), ids=WORLDS)
def test_no_order_of_events_breaks_a_promise(rules):
    found = explore(rules, ALL)
    assert not found.broken, str(found)
    assert found.states > 1_000


@pytest.mark.parametrize("defence", [field.name for field in fields(Defences)])
def test_without_any_one_defence_a_promise_breaks(defence):
    found = without(defence)
    assert found, f"nothing needs {defence}"
    print(f"without {defence}: {found}")
    assert found.broken == HOLDS_OFF[defence]
