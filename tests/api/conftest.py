"""Dave's agent, and its people."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def agent(dave: Any) -> Any:
    """A program that asks in Dave's name."""
    from tests.api.programs import Program

    return Program(dave, "request")
