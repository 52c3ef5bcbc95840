"""Ours → X → ours keeps what both have: texts as they render, roles, variables, settings, cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.compose import compose
from workbench.library.exchange import FORMATS, export_prompt, import_file
from workbench.library.prompt import Prompt, parse
from workbench.library.template import lead, pieces

WORDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    st.sampled_from(
        [
            "한국어 안녕",
            "🙂",
            "{",
            "}",
            "}}",
            "{{",
            "{%",
            "{#",
            "$",
            "$x",
            "${x}",
            "\\",
            '"',
            "'",
            "---",
            "user:",
            "# a",
            "## user",
        ]
    ),
    st.sampled_from(["\n", "\n\n", " ", "a: b", "- x", "| y", "{{'", "%}", "#}", "$$"]),
)
NAMES = st.sampled_from(["topic", "tone", "message", "x1", "_y"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A plain template: literals escaped, slots between them."""
    literal = draw(st.sampled_from(["Be brief", "안녕", "A"]))
    made = ""
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            literal += draw(WORDS)
        elif not literal.endswith(("{", "\\")):
            made += literal.replace("{{", "\\{{") + "{{" + draw(NAMES) + "}}"
            literal = ""
    return made + literal.replace("{{", "\\{{")


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    table: dict[str, Any] = {"schema": 1, "kind": draw(st.sampled_from(["system", "chat"]))}
    table["title"] = draw(st.sampled_from(["Title", "제목 하나", "a: b #c", "'q' \"r\""]))
    table["description"] = draw(st.sampled_from(["", "what it does: x", "둘"]))
    bodies = [draw(texts()) for _ in range(draw(st.integers(1, 3)))]
    if table["kind"] == "system":
        table["text"], bodies = bodies[0], bodies[:1]
    else:
        roles = draw(st.sampled_from([["system", "user", "assistant"], ["user", "assistant", "user"]]))
        table["messages"] = [{"role": r, "content": b} for r, b in zip(roles, bodies, strict=False)]
        if len(bodies) == 1 and roles[0] == "system":
            table["messages"].append({"role": "user", "content": "Hi"})
    used = dict.fromkeys(name for body in bodies for name, is_slot in pieces(body) if is_slot)
    if used:
        table["variables"] = {name: {"default": draw(st.sampled_from(["x", "한글: y", "{{z}}", "1"]))} for name in used}
    if draw(st.booleans()):
        table["sampling"] = {"temperature": 0.5, "top_k": 20, "stop": ["\n\n", "끝"]}
    if draw(st.booleans()):
        table["cases"] = [
            {
                "name": "one: 하나",
                "variables": dict.fromkeys(used, draw(WORDS)),
                "message": draw(WORDS) or "What is 17 + 25?",
                "checks": [
                    {"type": "contains", "value": draw(texts())},
                    {"type": "contains-any", "value": ["{{a}}", "b {% c"]},
                    {"type": "regex", "value": "^a\\d", "not": True, "threshold": 0.5},
                ],
            }
        ]
    return parse(compose(table).encode(), id="system/one")


def rendered(prompt: Prompt) -> list[tuple[str, str]]:
    """The messages with every slot filled by its own name."""
    values = {name: f"<{name}>" for name in prompt.variables}
    return [(message.role, message.content.strip("\n")) for message in lead(prompt, values)]


@settings(max_examples=150)
@given(prompts(), st.sampled_from(sorted(FORMATS)))
def test_the_common_part_stays(tmp_path_factory: pytest.TempPathFactory, prompt: Prompt, format: str) -> None:
    try:
        exported = export_prompt(prompt, format)
    except PromptError as error:
        if not error.hint:  # a refusal says what to do
            raise
        return
    folder = tmp_path_factory.mktemp("x")
    for name, text in exported.files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    back = import_file(path.parent if format == "fabric" else path, format)
    assert back.refused == []
    (draft,) = back.drafts
    made = parse(compose(draft.table).encode(), id=draft.id)
    assert rendered(made) == rendered(prompt)
    if format in ("markdown", "prompty", "promptfoo"):
        assert made.title == prompt.title
    if format in ("dotprompt", "prompty", "promptfoo"):
        assert made.description == prompt.description
    if format in ("dotprompt", "prompty", "promptfoo", "llm"):
        assert made.sampling == prompt.sampling
        assert {n: v.default for n, v in made.variables.items()} == {n: v.default for n, v in prompt.variables.items()}
    if format == "messages":
        kept = {"temperature", "top_k", "stop"} & prompt.sampling.keys()
        assert {name: made.sampling.get(name) for name in kept} == {name: prompt.sampling[name] for name in kept}
    if format == "promptfoo" and not any("message" in line for line in exported.dropped):
        assert made.cases == prompt.cases


def test_a_jinja_prompt_goes_to_prompty_and_back(tmp_path: Path) -> None:
    table = {
        "kind": "system",
        "template": "jinja",
        "text": "{% if tone == 'kind' %}Be kind.{% else %}Be {{ tone|upper }}.{% endif %} {{ topic }}\n",
        "variables": {"tone": {"default": "kind"}, "topic": {"default": "x"}},
    }
    prompt = parse(compose(table).encode(), id="a")
    (text,) = export_prompt(prompt, "prompty").files.values()
    (tmp_path / "a.prompty").write_text(text)
    (draft,) = import_file(tmp_path / "a.prompty").drafts
    assert draft.table["template"] == "jinja"
    assert rendered(parse(compose(draft.table).encode(), id="a")) == rendered(prompt)
    with pytest.raises(PromptError, match="jinja templates go to prompty only"):
        export_prompt(prompt, "llm")


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_an_association_has_no_like(format: str) -> None:
    prompt = parse(b'kind = "association"\ntext = "The {{w}} of"\n[variables.w]\ndefault="star"\n', id="a")
    with pytest.raises(PromptError, match="has no like"):
        export_prompt(prompt, format)
