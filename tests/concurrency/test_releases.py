"""Eight deciders at once: every ticket is released and delivered once. `python -m tests.races` runs a thousand."""

from __future__ import annotations

import os

import pytest

from tests.races import trials

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_deciders_at_once_release_every_ticket_once():
    figures = trials.run(int(os.environ.get("COUNTERSIGN_RACES", "40")), seed=1)
    assert figures["broken"] == 0
    assert set(figures["ends"]) == set(trials.KINDS)
