"""What the command line prints: widths, columns, JSON that carries no control code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import safe
from workbench.cli import output


@given(st.text(max_size=200), st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_no_word(text: str, columns: int) -> None:
    lines = list(output.wrap(text, columns))
    assert all(output.cells(line) <= columns for line in lines)
    shown = safe.text(text).expandtabs(4)
    assert "".join("".join(lines).split()) == "".join(shown.replace("\n", " ").split())


def test_korean_counts_two_columns() -> None:
    assert output.cells("한글") == 4
    assert output.clip("한글한글", 5) == "한글…"
    assert output.pad("한", 4) == "한  "


def test_blocks_stand_side_by_side_and_stack_when_narrow() -> None:
    blocks = [("A  plain", "one two", "3 tok"), ("B  steps", "uno\ndos", "4 tok")]
    wide = list(output.beside(blocks, 100))
    assert "A  plain" in wide[0]
    assert "B  steps" in wide[0]
    assert any("one two" in line and "uno" in line for line in wide)
    narrow = list(output.beside(blocks, 60))
    assert not any("A  plain" in line and "B  steps" in line for line in narrow)


@given(st.text(max_size=50))
def test_json_on_stdout_is_the_data_and_harmless(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda value: printed.append(value))
        output.print_json({"text": text})
    assert json.loads(printed[0]) == {"text": text}
    assert safe.is_safe(printed[0])
