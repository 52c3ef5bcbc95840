"""Templates: one pass, values never scanned, errors with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.prompt import Prompt, parse
from workbench.library.template import lead, names, render


def prompt(text: str, rest: str = "", path: Path | None = None) -> Prompt:
    data = f'kind = "system"\ntext = """\n{text}\n"""\n{rest}'.encode()
    if path:
        path.write_bytes(data)
    return parse(data, id="p", path=path)


@given(st.text(), st.text())
def test_values_are_never_scanned_again(one: str, two: str) -> None:
    made = prompt("x", '[variables.a]\ndefault=""\n[variables.b]\ndefault=""')
    assert render(made, "[{{a}}|{{ b }}]", {"a": one, "b": two}) == f"[{one}|{two}]"


def test_braces_can_be_meant() -> None:
    made = prompt("x")
    assert render(made, r"\{{name}} and {single}", {}) == "{{name}} and {single}"
    assert names("{{a}} {{b}} {{a}}") == ["a", "b"]


def test_an_unknown_name_says_file_line_and_the_nearest(tmp_path: Path) -> None:
    made = prompt("one\n{{topik}}", '[variables.topic]\ndefault = "t"', tmp_path / "p.toml")
    with pytest.raises(PromptError) as caught:
        lead(made, {})
    assert f"{tmp_path}/p.toml:4" in str(caught.value)
    assert "did you mean {{topic}}?" in str(caught.value)


def test_a_required_variable_without_a_value_is_named() -> None:
    made = prompt("{{a}}", "[variables.a]\n")
    with pytest.raises(PromptError, match="no value for a"):
        lead(made, {})
    with pytest.raises(PromptError, match="did you mean a"):
        lead(made, {"aa": "x"})


def test_types_are_kept_and_text_is_converted() -> None:
    made = prompt("{{n}} {{yes}}", '[variables.n]\ntype = "int"\n[variables.yes]\ntype = "bool"\n')
    assert lead(made, {"n": "3", "yes": "no"})[0].content == "3 false"
    with pytest.raises(PromptError, match="not of type int"):
        lead(made, {"n": "three", "yes": "no"})


def test_jinja_runs_on_fuel() -> None:
    made = prompt(
        "{% for i in range(3) %}{{ name }}{% endfor %}", 'template = "jinja"\n[variables.name]\ndefault = "x"'
    )
    assert made.template == "jinja"
    assert lead(made, {})[0].content == "xxx"
    hog = prompt("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", 'template = "jinja"')
    with pytest.raises(PromptError, match="jinja"):
        lead(hog, {})
