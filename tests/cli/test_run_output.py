"""The table of a run: whole in a log, within the columns of a terminal, the prompt's name cut last."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.cli import output, run_output

SHARE = {"value": 1.0, "low": 0.76, "high": 1.0}
PROMPT = "system/step-by-step"


def summary(errors: int = 0) -> dict[str, Any]:
    """A run of one variant with long names."""
    variant = {
        "label": "careful",
        "prompt": PROMPT,
        "version": "a1b2c3d4",
        "model": "SmolLM2-135M-Instruct.Q4_1 \x1b[31m",
        "point": {},
        "errors": errors,
        "passed": SHARE,
        "score": SHARE,
        "trials": 1200,
        "tokens": 23_000,
        "tokens_per_s": 84.2,
    }
    return {"variants": [variant], "pairs": [], "stopped": "done", "trials": 1200}


def test_names_stand_whole_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    head, row = run_output.table(summary())
    assert head.split() == ["prompt", "model", "passed", "score", "trials", "tokens", "tok/s"]
    assert f"{PROMPT}@a1b2" in row
    assert "SmolLM2-135M-Instruct.Q4_1 ␛[31m" in row


@pytest.mark.parametrize(("columns", "headings"), [(110, 7), (90, 7), (82, 6), (76, 5), (62, 5)])
def test_on_a_terminal_the_prompt_gets_its_room_first(
    monkeypatch: pytest.MonkeyPatch, columns: int, headings: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    head, row = run_output.table(summary())
    assert len(head.split()) == headings
    assert (f"{PROMPT}@a1b2" in row) == (columns > 75)
    assert max(output.cells(head), output.cells(row)) <= columns


def test_texts_of_a_grid_are_told_apart() -> None:
    told = summary()
    one, two = ({**told["variants"][0], "prompt": "", "point": {"prompt": text}} for text in ("Be\nbrief.", "x" * 90))
    plain = {**one, "point": {}}
    rows = list(run_output.table({**told, "variants": [one, two, plain]}))[1:]
    assert '"Be brief."' in rows[0]
    assert f'"{"x" * 29}…"' in rows[1]
    assert "(typed)" in rows[2]
