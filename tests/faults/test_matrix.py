"""Every cell of the fault matrix that one machine can make, with real processes on real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import stage
from tests.faults.matrix import CELLS, Cell, Matrix


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """All cells that were asked for, under way at once."""
    chosen = [item.callspec.params["cell"] for item in request.session.items if "cell" in _params(item)]
    with stage.set_up() as where:
        matrix = Matrix(where, chosen)
        try:
            yield matrix
        finally:
            matrix.close()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_fault_breaks_no_promise(cell: Cell, matrix: Matrix) -> None:
    matrix.results[str(cell)].result(timeout=300)


def _params(item: pytest.Item) -> dict[str, object]:
    return dict(item.callspec.params) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
