"""Templates: one pass, values never scanned, errors with file and line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.prompt import Prompt, parse
from workbench.library.reader import FileError
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


PIECES = {"{{a}}": "{{b}} \\{{", "{{ b }}": "", "\\{{": "{{", "}}": "}}", "x": "x", "a": "a", "\n": "\n", "한": "한"}


@given(st.lists(st.sampled_from(sorted(PIECES))))
def test_one_pass_over_any_template(pieces: list[str]) -> None:
    values = {"a": PIECES["{{a}}"], "b": ""}
    assert render(prompt("x"), "".join(pieces), values) == "".join(PIECES[piece] for piece in pieces)


def test_the_line_is_that_of_the_bad_slot_and_not_of_another(tmp_path: Path) -> None:
    text = "{{a}} description = {{x}}\n{{a}}\n{{ a b }}"
    made = prompt(text, 'note = "{{ a b }}"\n[variables.a]\ndefault=""\n[variables.x]\ndefault=""', tmp_path / "p.toml")
    with pytest.raises(FileError, match="without a name") as caught:
        lead(made, {})
    assert (caught.value.problem.line, caught.value.problem.key) == (5, "text")
    path = tmp_path / "q.toml"
    path.write_text('# {{who}}\nkind = "chat"\n[[messages]]\nrole = "user"\ncontent = """\nhi\n{{who}}"""\n')
    with pytest.raises(FileError, match="no variable") as caught:
        lead(parse(path.read_bytes(), id="q", path=path), {})
    assert (caught.value.problem.line, caught.value.problem.key) == (7, "messages.content")


def test_choices_are_kept() -> None:
    made = prompt("{{a}}", '[variables.a]\nchoices = ["x", "y"]\n')
    assert lead(made, {"a": "y"})[0].content == "y"
    with pytest.raises(PromptError, match="none of its choices") as caught:
        lead(made, {"a": "z" * 1000})
    assert len(str(caught.value)) < 300


JINJA = 'template = "jinja"\n[variables.name]\ndefault = "x"'


def test_jinja_renders_every_part_and_never_scans_a_value() -> None:
    made = prompt(
        "{% for i in range(3) %}{{ name }}{% endfor %}", f'{JINJA}\n[[examples]]\nuser="{{{{name}}}}"\nassistant=""'
    )
    assert made.template == "jinja"
    assert [message.content for message in lead(made, {"name": "{{ 1 }}"})] == ["{{ 1 }}" * 3, "{{ 1 }}", ""]


HOGS = {
    "a loop in a loop": "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
    "a text that doubles": "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x~n.x %}{% endfor %}",
    "a text repeated": "{{ 'x' * 500000000 }}",
    "broken": "{% if %}",
    "unknown": "{{ nope }}",
    "include": "{% include '/etc/passwd' %}",
    "attributes": "{{ name.__class__.__mro__ }}",
}


@pytest.mark.parametrize("text", HOGS.values(), ids=HOGS)
def test_jinja_that_goes_wrong_is_one_line(text: str) -> None:
    with pytest.raises(PromptError, match="jinja") as caught:
        lead(prompt(text, JINJA), {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["self", "source", "name", "template", "loop"])
def test_any_variable_name_does_or_says_so(name: str) -> None:
    made = prompt(f"{{{{ {name} }}}}", f'template = "jinja"\n[variables.{name}]\ndefault = "v"')
    with suppress(PromptError):
        assert lead(made, {})[0].content == "v"
