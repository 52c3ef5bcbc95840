"""The plane of contexts and words: exact where two axes are enough, and labels that never overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.insight.association import Association, Measured, Word
from workbench.insight.biplot import biplot
from workbench.insight.plane import drawn, legend
from workbench.scatter import Spot, scatter

TABLES = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(st.floats(-30, 0), min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(TABLES)
def test_products_of_points_are_the_centred_changes(logs: list[list[float]]) -> None:
    found = biplot(logs)
    assert (len(found.contexts), len(found.words)) == (len(logs), len(logs[0]))
    rows = [sum(row) / len(row) for row in logs]
    columns = [sum(column) / len(column) for column in zip(*logs, strict=True)]
    mean = sum(rows) / len(rows)
    error = whole = 0.0
    for x, row in enumerate(logs):
        for y, value in enumerate(row):
            centred = value - rows[x] - columns[y] + mean
            (a, b), (c, d) = found.contexts[x], found.words[y]
            error += (centred - a * c - b * d) ** 2
            whole += centred**2
    assert error == pytest.approx((1 - sum(found.shares)) * whole, abs=1e-6)
    assert 1 + 1e-9 >= sum(found.shares) >= 0
    if min(len(logs), len(logs[0])) <= 3 and whole > 1e-6:
        assert sum(found.shares) == pytest.approx(1)


@given(TABLES, st.lists(st.floats(-5, 0), min_size=6, max_size=6))
def test_the_baseline_does_not_matter(logs: list[list[float]], base: list[float]) -> None:
    moved = [[value - base[at] for at, value in enumerate(row)] for row in logs]
    assert biplot(moved).shares == pytest.approx(biplot(logs).shares, abs=1e-6)


def test_a_word_lies_where_its_context_does() -> None:
    found = biplot([[-1.0, -5.0], [-5.0, -1.0]])
    assert found.shares == pytest.approx((1.0, 0.0))
    assert found.contexts[0][0] * found.words[0][0] > 0
    assert found.contexts[1][0] * found.words[0][0] < 0
    assert biplot([]).contexts == ()
    assert biplot([[], []]).contexts == ((0.0, 0.0), (0.0, 0.0))


SPOTS = st.lists(
    st.builds(
        Spot,
        st.floats(-9, 9),
        st.floats(-9, 9),
        st.sampled_from(["sun", "은하수", "a galaxy far away", "x"]),
        st.just("•"),
        st.sampled_from(["", "head"]),
    ),
    max_size=20,
)


@given(SPOTS, st.integers(20, 90), st.integers(5, 30))
def test_labels_stand_whole_or_are_named(spots: list[Spot], columns: int, rows: int) -> None:
    made = scatter(spots, columns, rows, cell_len)
    assert len(made.plain) == rows
    assert all(cell_len(line) == columns for line in made.plain)
    text = "\n".join(made.plain)
    for label in {spot.label for spot in spots}:
        wanted = sum(spot.label == label for spot in spots) - made.left_out.count(label)
        assert text.count(label) >= wanted
    if len(spots) <= rows * columns // 40:
        assert sum(line.count("•") for line in made.plain) == len(spots)


def test_the_plane_says_what_it_shows() -> None:
    def at(name: str, *logps: float) -> Measured:
        return Measured(name, name, (), tuple(Word(word, logp, 1) for word, logp in zip("xy", logps, strict=True)))

    found = Association((at("alone", -1, -5), at("\x1bother", -5, -1)), ((0, 1), (1, 0)))
    made = drawn(found, 0, 60, 12, cell_len)
    text = "\n".join(made.plain)
    assert "◇ alone" in text or "alone ◇" in text
    assert "\x1b" not in text
    assert "across 100 % of the changes, up 0 %" in legend(found, made).replace("%", " %").replace("  ", " ")
