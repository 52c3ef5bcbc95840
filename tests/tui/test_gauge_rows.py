"""Sparklines and partial painting, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from workbench.tui.gauge_rows import spark
from workbench.tui.widgets.painted import Part, changed

EACH = st.sampled_from([1, 2, 3, 4, 5, 6])
MINUTE = st.lists(st.none() | st.floats(0, 1000), min_size=60, max_size=60)


def test_a_minute_by_hand() -> None:
    values = [None] * 52 + [0.0, 1, 2, 3, 4, 5, 6, 8]
    assert spark(values, 119, 1) == " " * 52 + "▁▂▃▄▅▆▇█"
    assert spark(values, 119, 2) == " " * 26 + "▂▄▆█"
    assert spark(values, 119, 1, 16.0)[-8:] == "▁▁▂▂▃▃▄▅"
    assert spark([0.0] * 60, 119, 1) == "▁" * 60


@given(MINUTE, st.integers(100, 10_000), EACH, st.sampled_from([0.0, 500.0, 2000.0]))
def test_columns_and_gaps(values: list[float | None], slot: int, each: int, top: float) -> None:
    line = spark(values, slot, each, top)
    assert len(line) == 60 // each
    assert set(line) <= set(" ▁▂▃▄▅▆▇█")
    if each == 1:
        assert [char == " " for char in line] == [value is None for value in values]


@given(MINUTE, st.floats(0, 1000), st.integers(100, 10_000), EACH)
def test_a_second_later_columns_have_moved_and_kept_their_shape(
    values: list[float | None], new: float, slot: int, each: int
) -> None:
    before, after = spark(values, slot, each, 1000.0), spark([*values[1:], new], slot + 1, each, 1000.0)
    if (slot + 1) % each:  # the same columns; the first loses a second, the last gains one
        assert before[1:-1] == after[1:-1]
    else:
        assert before[2:] == after[1:-1]


LINES = st.lists(st.tuples(st.text("ab ▁█한", max_size=12), st.sampled_from(["", "x", "y"])), max_size=5).map(tuple)


def cells(line: tuple[Part, ...]) -> list[Part]:
    return [(char, style) for text, style in line for char in text]


@given(LINES, LINES)
def test_what_is_painted_makes_the_old_line_the_new_one(before: tuple[Part, ...], after: tuple[Part, ...]) -> None:
    regions = changed(before, after, 3)
    old, new = cells(before), cells(after)
    assert all(region.y == 3 and region.height == 1 for region in regions)
    if old == new:
        assert not regions or "한" in "".join(char for char, _ in new) or before != after
    if len(old) != len(new) or any(char == "한" for char, _ in new):
        assert before == after or regions[0].x == 0
        return
    for region in regions:
        old[region.x : region.right] = new[region.x : region.right]
    assert old == new


def test_only_the_runs_that_differ() -> None:
    before, after = (("a" * 40, ""),), (("a" * 3 + "b" + "a" * 30 + "bab" + "aaa", ""),)
    assert changed(before, after) == [Region(3, 0, 1, 1), Region(34, 0, 3, 1)]
    assert changed((("abc", ""),), (("abc", "warn"),)) == [Region(0, 0, 3, 1)]
    assert changed((("abc", ""),), (("a", ""), ("bc", ""))) == []
