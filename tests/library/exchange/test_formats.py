"""Files as other programs write them: what comes along, what is said to be left out, what is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError, UsageError, WorkbenchError
from workbench.library.exchange import FORMATS, export_prompt, import_file
from workbench.library.exchange.parts import Imported
from workbench.library.prompt import parse

KEYS = (
    "role content messages prompts tests vars assert type value providers config prompt system options defaults input "
    "schema default model sample inputs parameters raw label description name title tags temperature stop"
).split()


def put(tmp_path: Path, name: str, text: str) -> Imported:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return import_file(path)


def test_messages(tmp_path: Path) -> None:
    turns = [
        {"role": "developer", "content": "Be {{tone}}."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "안녕"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {"role": "tool", "content": "42"},
    ]
    body = {"model": "gpt", "temperature": 0.2, "top_p": 7, "messages": turns, "tools": []}
    made = put(tmp_path, "one chat.json", json.dumps(body))
    (draft,) = made.drafts
    assert draft.id == "one-chat"
    assert draft.table["messages"] == [
        {"role": "system", "content": "Be {{tone}}."},
        {"role": "user", "content": "안녕"},
    ]
    assert draft.table["sampling"] == {"temperature": 0.2}
    said = "\n".join(made.dropped)
    for part in ("model", "tools", "top_p", "message 2: parts that are no text", "message 3: role", "tone}} became"):
        assert part in said


def test_a_conversation_a_line(tmp_path: Path) -> None:
    share = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
    lines = [json.dumps([{"role": "user", "content": "One"}]), "", json.dumps(share), "[]"]
    made = put(tmp_path, "d.jsonl", "\n".join(lines))
    assert [draft.id for draft in made.drafts] == ["d-1", "d-2"]
    assert made.drafts[1].table["messages"][1] == {"role": "assistant", "content": "Hello"}
    assert "d-3 has no messages" in made.refused[0]
    made = put(tmp_path, "e.jsonl", f"{lines[0]}\n{{\n{lines[0]}\n[]\n")
    assert [draft.id for draft in made.drafts] == ["e-1", "e-3"]
    assert "e.jsonl:2: broken JSON" in made.refused[0]
    assert "e.jsonl:4: e-4 has no messages" in made.refused[1]
    with pytest.raises(PromptError, match=r"f\.json:3: broken JSON"):
        put(tmp_path, "f.json", '[\n {"role": "user",\n  "content": x}\n]\n')


def test_what_messages_do_not_carry_is_said(tmp_path: Path) -> None:
    turn = {"role": "user", "name": "bob", "content": "a", "refusal": None, "function_call": {"name": "f"}}
    made = put(tmp_path, "m.json", json.dumps({"messages": [turn], "repetition_penalty": 1.1, "metadata": {"a": 1}}))
    assert made.drafts[0].table["sampling"] == {"repeat_penalty": 1.1}
    said = "\n".join(made.dropped)
    for part in ("message 1: name", "message 1: function_call: tools are not ours", "metadata"):
        assert part in said
    assert "refusal" not in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", ""),
        ("b.md", "# only a title\n"),
        ("c.prompt", ""),
        ("d.prompty", "---\nname: d\n---\n"),
        ("e.json", '[{"role": "user", "content": null, "tool_calls": [1]}]'),
        ("system.md", " \n"),
        ("f.yaml", "prompts: ['']"),
    ],
)
def test_without_a_text_it_is_no_prompt(tmp_path: Path, name: str, text: str) -> None:
    made = put(tmp_path, name, text)
    assert made.drafts == []
    assert "there is no text" in made.refused[0]


PROMPTFOO = """\
description: Sums
prompts:
  - |
    Answer {{ tone }}: {{question}}
  - label: Chat
    raw: '[{"role": "system", "content": "Be {{tone}}."}, {"role": "user", "content": "{{ message }}"}]'
  - file://prompt.txt
  - "Loop {% for x in xs %}{{ x }}{% endfor %}"
  - "{{ question | upper }}"
providers:
  - id: openai:gpt-4
    config: {temperature: 0.5, apiKey: "${env:KEY}"}
defaultTest:
  vars: {tone: kindly}
tests:
  - description: sum
    vars: {question: "17 + 25", message: "17 + 25?", list: [1, 2], data: file://x.csv}
    assert:
      - {type: contains, value: "42"}
      - {type: not-regex, value: "^no"}
      - {type: is-json, value: {type: object}}
      - {type: javascript, value: "process.exit(1)"}
      - {type: contains, value: file://secret}
      - {type: is-json}
      - {type: llm-rubric, value: "is polite to {{ tone }}", provider: openai:gpt-4}
      - {type: rouge-n, value: "x"}
"""


def test_promptfoo(tmp_path: Path) -> None:
    made = put(tmp_path, "promptfooconfig.yaml", PROMPTFOO)
    first, second = made.drafts
    assert first.table["messages"] == [{"role": "user", "content": "Answer {{tone}}: {{question}}\n"}]
    assert first.table["variables"]["tone"] == {"default": "kindly"}
    assert first.table["sampling"] == {"temperature": 0.5}
    assert (second.table["title"], second.table["kind"], second.table["text"]) == ("Chat", "system", "Be {{tone}}.")
    assert second.table["cases"][0]["message"] == "17 + 25?"
    assert second.table["cases"][0]["checks"] == [
        {"type": "contains", "value": "42"},
        {"type": "regex", "not": True, "value": "^no"},
        {"type": "json-schema", "value": '{"type": "object"}'},
        {"type": "is-json"},
        {"type": "llm-rubric", "value": "is polite to {{tone}}"},
    ]
    said = "\n".join(made.dropped)
    for part in (
        "javascript: code is not carried",
        "files are not followed",
        "llm-rubric: provider",
        '"rouge-n": no check like it',
        "apiKey",
        "list: no text",
        "providers",
    ):
        assert part in said, part
    refused = "\n".join(made.refused)
    assert "file://prompt.txt" in refused
    assert "promptfooconfig.yaml:8: the block {% for %}" in refused
    assert "the filter {{ question | upper }}" in refused


def test_what_of_promptfoo_is_left_out_is_said(tmp_path: Path) -> None:
    text = """\
prompts:
  - label: P
    raw: "At {{x}}: {{y}}"
    function: file://f.js
defaultTest:
  vars: {x: 12:30, n: {a: 1}, 1: one}
  assert: [{type: contains, value: all}]
  options: {provider: z}
tests:
  - vars: {x: "{{ '{' }}{z}}", y: "{{ env.KEY }}"}
    assert: contains
    threshold: 1
  - vars: file://x
  - assert:
      - {type: contains, value: "{{x | upper}}", weight: 2, metric: m}
      - {type: contains-all, value: [a, null]}
      - {type: contains-any, value: [a, 5]}
"""
    (draft,) = (made := put(tmp_path, "c.yaml", text)).drafts
    assert draft.table["variables"]["x"] == {"default": "12:30"}
    every = {"type": "contains", "value": "all"}
    assert draft.table["cases"] == [
        {"name": "case 1", "variables": {"x": "{{z}}", "y": "{{ env.KEY }}"}, "checks": [every]},
        {"name": "case 2", "variables": {}, "checks": [every]},
        {
            "name": "case 3",
            "variables": {},
            "checks": [
                {"type": "contains", "value": "{{x | upper}}", "weight": 2},
                {"type": "contains-any", "value": ["a", 5]},
                every,
            ],
        },
    ]
    for part in (
        "function: nothing like it here",
        "defaultTest: n: no text",
        "defaultTest.options",
        "case 1: y: what stands in braces is text now",
        "case 1: assert: it is no list",
        "case 1: threshold",
        "case 2: vars: files are not followed",
        "case 3: the assert contains: what stands in braces",
        "case 3: the assert contains: metric",
        "case 3: the assert contains-all: its values",
    ):
        assert any(part in line for line in made.dropped), part


def test_a_default_message_is_each_case_s(tmp_path: Path) -> None:
    chat = json.dumps([{"role": "system", "content": "S"}, {"role": "user", "content": "{{message}}"}])
    config = {"prompts": [chat], "defaultTest": {"vars": {"message": "Hi"}}, "tests": [{}, {"vars": {"message": "Ho"}}]}
    (draft,) = put(tmp_path, "c.json", json.dumps(config)).drafts
    assert [case["message"] for case in draft.table["cases"]] == ["Hi", "Ho"]
    assert "variables" not in draft.table


def test_llm(tmp_path: Path) -> None:
    text = (
        'name: steve\nsystem: Be $tone\nprompt: "It costs $$5, $5: $input"\ndefaults: {tone: kind}\nmodel: gpt-4\n'
        "options: {temperature: 0.1, foo: 1}\nfunctions: |\n  import os; os.abort()\n"
    )
    made = put(tmp_path, "t.yaml", text)
    (draft,) = made.drafts
    assert draft.id == "steve"
    assert [turn["content"] for turn in draft.table["messages"]] == ["Be {{tone}}", "It costs $5, $5: {{input}}"]
    assert draft.table["variables"] == {"tone": {"default": "kind"}, "input": {}}
    said = "\n".join(made.dropped)
    assert "functions: Python code is not carried" in said
    assert "foo" in said
    assert put(tmp_path, "plain.yaml", "Say $x twice").drafts[0].table["messages"][0]["content"] == "Say {{x}} twice"


def test_dotprompt(tmp_path: Path) -> None:
    text = """\
---
model: googleai/gemini
config: {temperature: 0.3, topK: 5, stopSequences: ["END"]}
input:
  schema:
    who?: string, whom to greet
    n: integer
    style(enum, how): [kind, terse]
    tags(array): string
  default: {who: you}
output: {schema: {x: string}}
---
{{role "system"}}
Greet {{who}} {{{n}}} times. \\{{literal}}
{{! a remark }}
{{role "user"}}
Hi {{style}}
"""
    (draft,) = (made := put(tmp_path, "greet.prompt", text)).drafts
    assert draft.table["messages"][0]["content"] == "Greet {{who}} {{n}} times. \\{{literal}}\n\n"
    assert draft.table["variables"] == {
        "who": {"description": "whom to greet", "default": "you"},
        "n": {"type": "int"},
        "style": {"description": "how", "choices": ["kind", "terse"]},
    }
    assert draft.table["sampling"] == {"temperature": 0.3, "top_k": 5, "stop": ["END"]}
    assert "output" in "\n".join(made.dropped)
    for body, said in (
        ("{{#if x}}a{{/if}}", "the block {{#if x}}"),
        ("{{> greeting}}", "the partial {{> greeting}}"),
        ("{{json x}}", "the helper {{json x}}"),
        ("{{a.b}}", "the expression {{a.b}}"),
        ("{{history}}", "the helper {{history}}"),
        ("{{@index}}", "the variable {{@index}}"),
    ):
        (line,) = put(tmp_path, "r.prompt", f"---\nmodel: x\n---\nfirst\n{body}\n").refused
        assert f"r.prompt:5: {said}" in line


def test_prompty(tmp_path: Path) -> None:
    text = """\
---
name: Ask
description: asks
authors: [me]
model: {api: chat, configuration: {key: "${env:KEY}"}, parameters: {max_tokens: 20}}
sample: {who: Ann}
---
system:
{% if formal %}Dear {{ who | title }}{% else %}Hi {{who}}{% endif %}

user:
{{ question }}
"""
    (draft,) = (made := put(tmp_path, "ask.prompty", text)).drafts
    assert draft.table["template"] == "jinja"
    assert set(draft.table["variables"]) == {"who", "formal", "question"}
    assert draft.table["sampling"] == {"max_tokens": 20}
    assert "configuration" in "\n".join(made.dropped)
    for body, said in (
        ("{% for m in history %}{{m}}{% endfor %}", "r.prompty:5: the loop over history is not carried"),
        ("{% extends 'x' %}", "the block {% extends %} is not carried"),
        ("{% import 'x' as y %}", "the block {% import %} is not carried"),
        ("{% include 'x' %}", "the block {% include %} is not carried"),
        ("{% if a %}", "jinja"),
    ):
        (line,) = put(tmp_path, "r.prompty", f"---\nname: r\n---\nsystem:\n{body}\n").refused
        assert said in line


def test_fabric(tmp_path: Path) -> None:
    put(tmp_path, "patterns/sum up/system.md", "# IDENTITY\n\nSum up {{input}}.\n")
    (tmp_path / "patterns/sum up/user.md").write_text("Now: {{input}}")
    put(tmp_path, "patterns/plug/system.md", "{{plugin:text:upper:x}}")
    made = import_file(tmp_path / "patterns")
    (draft,) = made.drafts
    assert draft.id == "sum-up"
    assert [turn["role"] for turn in draft.table["messages"]] == ["system", "user"]
    assert "the plugin {{plugin:text:upper:x}}" in made.refused[0]
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "patterns/sum up/user.md").unlink()
    (tmp_path / "patterns/sum up/user.md").symlink_to(secret)
    made = import_file(tmp_path / "patterns" / "sum up")
    assert "secret" not in str(made.drafts[0].table)
    assert "not followed" in made.dropped[0]


def test_a_pattern_under_another_name_stands_alone(tmp_path: Path) -> None:
    put(tmp_path, "p/system.md", "not this")
    (tmp_path / "p/mine.md").write_text("Sum up {{input}}.")
    (draft,) = import_file(tmp_path / "p/mine.md", "fabric").drafts
    assert (draft.id, draft.table["text"]) == ("mine", "Sum up {{input}}.\n")


def test_patterns_behind_links(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/system.md", "secret")
    put(tmp_path, "patterns/a/system.md", "A")
    (tmp_path / "patterns/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "patterns/c").mkdir()
    (tmp_path / "patterns/c/system.md").symlink_to(tmp_path / "elsewhere/system.md")
    (tmp_path / "patterns/d").symlink_to(tmp_path / "patterns/a")
    made = import_file(tmp_path / "patterns")
    assert [(draft.id, draft.table["text"]) for draft in made.drafts] == [("a", "A\n"), ("d", "A\n")]
    assert len(made.refused) == 2
    assert all("leads out of the folder" in line for line in made.refused)
    (named,) = import_file(tmp_path / "patterns/c/system.md").drafts  # the person names it
    assert named.table["text"] == "secret\n"


def test_markdown(tmp_path: Path) -> None:
    made = put(tmp_path, "notes.md", "# A title #\n\nBe {{tone}}. {{ not a name }}\n")
    assert made.drafts[0].table["title"] == "A title"
    assert made.drafts[0].table["text"] == "Be {{tone}}. \\{{ not a name }}\n"
    chat = put(tmp_path, "chat.md", "# C\n\n## system\n\nS\n\n## user\n\nU\n").drafts[0].table
    assert [(turn["role"], turn["content"]) for turn in chat["messages"]] == [("system", "S\n"), ("user", "U\n")]


def test_nothing_of_a_hostile_file_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for text in (
        f"prompt: !!python/object/apply:os.system ['touch {mark}']\n",
        f"!!python/object/new:os.system [touch {mark}]\n",
        f"prompt: !!python/name:os.system\nx: !include {mark}\n",
    ):
        with pytest.raises(PromptError, match="broken YAML"):
            import_file(_file(tmp_path / "x.yaml", text), "llm")
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
    )
    with pytest.raises(PromptError, match="aliases"):
        import_file(_file(tmp_path / "b.yaml", bomb + "prompt: x\n"), "llm")
    with pytest.raises(PromptError, match=r"aliases|broken YAML"):
        import_file(_file(tmp_path / "c.yaml", "prompt: &a [*a]\n"), "llm")
    assert not mark.exists()


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_json_config_is_promptfoo(tmp_path: Path) -> None:
    (draft,) = put(tmp_path, "promptfooconfig.json", json.dumps({"prompts": ["Say {{x}}"]}, indent="\t")).drafts
    assert draft.table["messages"] == [{"role": "user", "content": "Say {{x}}"}]


def test_which_format_is_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which format"):
        put(tmp_path, "x.yaml", "a: 1")
    with pytest.raises(UsageError, match="which format"):
        put(tmp_path, "x.doc", "a")
    with pytest.raises(UsageError, match="no format"):
        import_file(tmp_path / "x.doc", "docx")
    with pytest.raises(UsageError, match="no fabric pattern"):
        import_file(tmp_path)
    latin = tmp_path / "l.md"
    latin.write_bytes(b"\xe9\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        import_file(latin)
    with pytest.raises(WorkbenchError, match="no such file"):
        import_file(tmp_path / "none.md")


@given(st.binary(max_size=300), st.sampled_from(sorted(FORMATS)))
def test_any_bytes_are_an_import_or_a_line(tmp_path_factory: pytest.TempPathFactory, data: bytes, format: str) -> None:
    path = tmp_path_factory.getbasetemp() / "system.md"
    path.write_bytes(data)
    assert all("\n" not in line for line in _lines(path, format))


def _lines(path: Path, format: str) -> list[str]:
    """What a person is told."""
    try:
        made = import_file(path, format)
    except WorkbenchError as error:
        return [str(error)]
    return [*made.dropped, *made.refused]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    ),
    st.sampled_from(["messages", "promptfoo", "llm", "dotprompt", "prompty"]),
)
def test_any_data_is_an_import_or_a_line(tmp_path_factory: pytest.TempPathFactory, data: object, format: str) -> None:
    text = json.dumps(data)
    path = tmp_path_factory.getbasetemp() / "data"
    path.write_text(f"---\n{text}\n---\nsystem:\nx {{{{a}}}}\n" if format.startswith(("dot", "prompty")) else text)
    assert all("\n" not in line for line in _lines(path, format))


def test_what_is_left_out_of_an_export_is_said() -> None:
    prompt = parse(
        b'kind = "system"\ntitle = "T"\ntags = ["a"]\ntext = "x {{y}}"\nmine = 1\n[variables.y]\ndefault = "d"\n'
        b'[sampling]\nmirostat = 2\n[[cases]]\nname = "c"\nmessage = "m"\n[[examples]]\nuser = "u"\nassistant = "a"\n',
        id="t",
    )
    said = "\n".join(export_prompt(prompt, "messages").dropped)
    for part in ("examples", "mine", "mirostat", "title", "tags", "cases", "variables"):
        assert part in said, part
    unused = parse(b'kind = "system"\ntext = "x"\n[variables.y]\ndefault = "d"\n', id="t")
    for format in sorted(FORMATS):
        assert "variables.y: the texts do not use it" in export_prompt(unused, format).dropped
