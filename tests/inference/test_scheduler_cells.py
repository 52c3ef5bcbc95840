"""The bookkeeping of the unified cache, against sets of cells written out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.inference.local.cells import Cells, common

_STEP = st.tuples(
    st.sampled_from(["append", "share", "cut", "drop"]), st.integers(0, 3), st.integers(0, 3), st.integers(0, 9)
)


@given(st.lists(_STEP, max_size=40))
def test_used_and_lengths_match_a_cache_written_out(steps: list[tuple[str, int, int, int]]) -> None:
    cells, real, fresh = Cells(), {index: list[int]() for index in range(4)}, iter(range(10_000))
    for what, one, other, count in steps:
        match what:
            case "append":
                cells.append(one, count)
                real[one] += [next(fresh) for _ in range(count)]
            case "share" if one != other and not real[other]:
                count = min(count, len(real[one]))
                cells.share(one, other, count)
                real[other] = real[one][:count]
            case "cut":
                cells.cut(one, count)
                del real[one][count:]
            case "drop":
                cells.drop(one)
                real[one].clear()
        assert cells.used == len({cell for held in real.values() for cell in held})
        for index, held in real.items():
            assert cells.length(index) == len(held)


def test_common_beginning() -> None:
    left = np.array([1, 2, 3], np.int32)
    assert common(left, np.array([1, 2, 4, 5], np.int32)) == 2
    assert common(left, left) == 3
    assert common(left, left[:0]) == 0
