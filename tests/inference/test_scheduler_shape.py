"""The shape of a step is chosen by what was measured."""

from __future__ import annotations

import pytest

from workbench.inference.local.shape import Shape


def _run(shape: Shape, lanes: int, cost: dict[int, float], steps: int) -> tuple[float, int]:
    """Seconds of `steps` steps under `cost` (seconds of one decode by rows), and the last size."""
    total, size = 0.0, 0
    for _ in range(steps):
        size = shape.rows(lanes)
        for start in range(0, lanes, size):
            rows = min(size, lanes - start)
            total += cost[rows]
            if rows == size:
                shape.note(rows, cost[rows])
    return total, size


GEMMA = {1: 12.0, 2: 25.3, 3: 31.0, 4: 36.4, 5: 39.0, 6: 42.0, 7: 44.0, 8: 47.0}  # ms, research/engine.md


@pytest.mark.parametrize(("lanes", "size"), [(1, 1), (2, 1), (3, 3), (4, 4), (8, 8)])
def test_it_settles_on_the_fastest(lanes: int, size: int) -> None:
    assert _run(Shape(), lanes, GEMMA, 40)[1] == size


def test_measuring_is_quick_and_soon_paid_back() -> None:
    shape = Shape()
    assert _run(shape, 8, GEMMA, 100)[0] < 1.1 * 100 * GEMMA[8]
    assert shape.latest == 8


def test_never_much_slower_than_alternating() -> None:
    slow = {rows: 15.0 * rows for rows in range(2, 9)} | {1: 12.0}
    for lanes in range(2, 9):
        assert _run(Shape(), lanes, slow, 200)[0] < 1.03 * 200 * lanes * slow[1]


def test_it_follows_a_machine_that_changes() -> None:
    shape = Shape()
    assert _run(shape, 2, GEMMA, 50)[1] == 1
    assert _run(shape, 2, {1: 12.0, 2: 13.0}, 1300)[1] == 2


def test_a_fixed_shape_is_kept() -> None:
    shape = Shape(fixed=3)
    assert [shape.rows(lanes) for lanes in (1, 2, 3, 8)] == [1, 2, 3, 3]
