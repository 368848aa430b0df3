"""Schemathesis: what the description allows is answered as described, what it does not is refused, and nothing breaks.

A few for each operation, right and wrong; `COUNTERSIGN_EXAMPLES=100 uv run pytest tests/api/test_fuzz.py` tries more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.api.programs import Program

EXAMPLES = int(os.environ.get("COUNTERSIGN_EXAMPLES", "2"))


#: What a schema cannot say: which arguments have a canonical form, which words a ticket takes; and a word too many in
#: an address is passed over.
BEYOND = [positive_data_acceptance, negative_data_rejection]

#: Not in one transaction: the server ends what is idle in one for so long as making up examples may take.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def described(cast: dict[str, Any], settings: Any, transfers: Any) -> Any:
    """The API as it describes itself."""
    settings.COUNTERSIGN_API_RATE = 1_000_000
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
def test_every_operation_keeps_its_description(described: Any, cast: dict[str, Any], mode: GenerationMode) -> None:
    failures = []
    for found in described.get_all_operations():
        operation = found.ok()
        try:
            _try(operation, _program(operation, cast), mode)
        except FailureGroup as group:
            failures += [f"{operation.label}: {failure}" for failure in group.exceptions]
    assert failures == []


def _try(operation: Any, program: Program, mode: GenerationMode) -> None:
    ticket = program.ask().json().get("id", 1)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "ticket_id" in case.path_parameters:
            case.path_parameters["ticket_id"] = ticket
        # Nobody unpacks an answer here.
        headers = {"Authorization": f"Bearer {program.secret}", "Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers, excluded_checks=BEYOND)

    with suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
        tried()


def _program(operation: Any, cast: dict[str, Any]) -> Program:
    """Whoever may call it."""
    decides = operation.path.endswith(("/decisions", "/recall"))
    return Program(cast["alice"], "decide") if decides else Program(cast["dave"], "request")
