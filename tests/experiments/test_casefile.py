"""Case files: CSV, JSONL, TOML of every shape; a bad row is named by its line."""

from __future__ import annotations

import csv
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotFoundError, PromptError
from workbench.experiments.casefile import FIELD, FileCases, open_cases
from workbench.experiments.cases import Cases, Columns
from workbench.experiments.files import open_experiment, parse
from workbench.inference.engine import Message
from workbench.library.reader import FileError


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def cases(folder: Path, name: str, data: str | bytes, head: str = "") -> Cases:
    """The cases of a file, as an experiment beside it names it."""
    write(folder, name, data)
    path = write(folder, "e.toml", f'kind = "experiment"\ncases = "{name}"\n{head}')
    return open_experiment(path).cases()


def test_csv(tmp_path: Path) -> None:
    text = (
        "\ufeffname,message,topic,tags,checks\r\n"
        '"one, two","Line 1\r\nLine ""2""",sums,"a, b","[{""type"": ""contains"", ""value"": ""4""}]"\r\n'
        "\r\n"
        ",Second,한국어,,\r\n"
    )
    one, two = cases(tmp_path, "c.csv", text)
    assert (one.name, one.message, one.variables, one.tags) == (
        "one, two",
        'Line 1\r\nLine "2"',
        {"topic": "sums"},
        ("a", "b"),
    )
    assert [check.kind for check in one.checks] == ["contains"]
    assert (two.name, two.message, two.variables, two.checks) == ("case 2", "Second", {"topic": "한국어"}, ())


def test_jsonl(tmp_path: Path) -> None:
    rows = [
        {"message": "m", "variables": {"a": 1}, "b": True, "nested": {"c": [1]}, "id": None, "tags": ["x"]},
        {
            "name": "n",
            "messages": [{"role": "user", "content": "Hi"}],
            "checks": [{"type": "equals", "value": "4"}],
            "c": 1.5,
        },
    ]
    one, two = cases(tmp_path, "c.jsonl", "\n" + "\n\n".join(json.dumps(row) for row in rows))
    assert (one.name, one.variables, one.tags) == ("case 1", {"a": 1, "b": True}, ("x",))
    assert (two.name, two.variables, two.messages) == ("n", {"c": 1.5}, (Message("user", "Hi"),))
    assert two.checks[0].options["value"] == "4"


def test_toml(tmp_path: Path) -> None:
    one, two = cases(tmp_path, "c.toml", '[[cases]]\nname = "a"\nmessage = "m"\n[[cases]]\nvariables = { x = 1 }\n')
    assert (one.name, one.message, two.variables) == ("a", "m", {"x": 1})


@pytest.mark.parametrize("name", ["c.csv", "c.jsonl"])
def test_columns_are_mapped(tmp_path: Path, name: str) -> None:
    head = (
        'message = "Q: {{q}}"\n[columns]\nname = "id"\ntags = "kind"\n[columns.variables]\nq = "the question"\n'
        'wanted = "answer"\n'
    )
    row = {"id": "1", "the question": "2+2?", "answer": "4", "kind": "maths", "other": "x"}
    text = json.dumps(row) if name == "c.jsonl" else f"{','.join(row)}\n{','.join(row.values())}\n"
    (one,) = cases(tmp_path, name, text, head)
    assert (one.name, one.tags, one.variables) == ("1", ("maths",), {"q": "2+2?", "wanted": "4"})
    assert one.message == "Q: 2+2?"


def test_other_delimiters(tmp_path: Path) -> None:
    (one,) = cases(tmp_path, "c.csv", "message;a\nm;1,5\n", 'delimiter = ";"\n')
    (two,) = cases(tmp_path, "c.tsv", "message\ta\nm\t1,5\n")
    assert one.variables == two.variables == {"a": "1,5"}


WRONG: list[tuple[str, str | bytes, str, str]] = [
    ("c.csv", "", "", "it has no cases"),
    ("c.csv", "a,b\n", "", "it has no cases"),
    ("c.csv", "a,b\n1,2\n\n1,2,3\n", "", "c.csv:4: 3 fields, and the header has 2"),
    ("c.csv", 'a,b\n"x\ny",2\n1\n', "", "c.csv:4: 1 fields, and the header has 2"),
    ("c.csv", 'a\n1\n"open\nand on\n', "", "c.csv:3: broken CSV: unexpected end of data"),
    ("c.csv", 'a\n"x"y\n', "", "c.csv:2: broken CSV"),
    ("c.csv", "a\r1\r2\r", "", "c.csv:1: broken CSV: new-line"),
    ("c.csv", "a,a\n1,2\n", "", "c.csv:1: two columns are called"),
    ("c.csv", b"a\n1\n\xff\n", "", "c.csv:3: not UTF-8"),
    ("c.csv", "a\n1\n\x002\n", "", "c.csv:3: a NUL byte"),
    ("c.csv", "a\n1\n".encode("utf-16"), "", "c.csv:1: UTF-16"),
    ("c.csv", "question\nx\n", '[columns]\nmessage = "qestion"\n', "c.csv:1: there is no column"),
    ("c.csv", "message,checks\nx,[1]\n", "", "c.csv:2 checks: checks must be tables"),
    ("c.csv", "message,checks\nx,nope\n", "", 'c.csv:2: "checks" is no JSON'),
    ("c.csv", 'message,checks\nm,\nm,"[{""type"": ""contians""}]"\n', "", "c.csv:3 checks.type"),
    ("c.csv", "a\n1\n", 'message = "{{b}}"\n', "c.csv:2: {{b}} is no variable of the case"),
    ("c.jsonl", "", "", "it has no cases"),
    ("c.jsonl", '{"message": "m"}\n{"message": \n', "", "c.jsonl:2: broken JSON"),
    ("c.jsonl", '{"a": 1}\n\n[1]\n', "", "c.jsonl:3: a line must be a JSON object, not a list"),
    ("c.jsonl", '{"message": ["x"]}\n', "", 'c.jsonl:1: "message" must be text, not a list'),
    ("c.jsonl", '{"variables": 3}\n', "", "c.jsonl:1: variables must be an object"),
    ("c.jsonl", '{"variables": {"a": [1]}}\n', "", 'c.jsonl:1: "a" must be text'),
    ("c.jsonl", '{"message": "a\\u0000b"}\n', "", 'c.jsonl:1: "message" has a NUL'),
    ("c.jsonl", '{"a": NaN}\n', "", "c.jsonl:1: broken JSON"),
    ("c.jsonl", b'{"a": "\xff"}\n', "", "c.jsonl:1: broken JSON"),
    ("c.jsonl", "[" * 100_000, "", "c.jsonl:1: broken JSON"),
    ("c.jsonl", '{"a": ' + "[" * 100_000 + "}", "", "c.jsonl:1: broken JSON"),
    ("c.jsonl", '{"q": 1}\n{"p": 1}\n', '[columns]\nmessage = "q"\n', "c.jsonl:2: there is no column"),
    ("c.jsonl", '{"m": 1}\n{"messages": [{"role": "x"}]}\n', "", "c.jsonl:2 messages.role"),
    ("c.toml", "x = 1\n", "", "it has no cases"),
    ("c.toml", "[[cases]]\nmessage = 3\n", "", "c.toml:2 cases.message: message must be text"),
    ("c.toml", "[[cases]\n", "", "c.toml:1: broken TOML"),
]


@pytest.mark.parametrize(("name", "data", "head", "said"), WRONG, ids=[f"{w[0]} {w[3][:50]}" for w in WRONG])
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, name: str, data: str | bytes, head: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        cases(tmp_path, name, data, head)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        cases(tmp_path, "c.csv", "question,b\nx,y\n", '[columns]\nmessage = "qestion"\n')
    assert 'did you mean "question"?' in caught.value.hint


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv"):
        with pytest.raises(FileError, match="it is no file"):
            open_cases(tmp_path / name, Columns())
    with pytest.raises(NotFoundError):
        open_cases(tmp_path / "none.csv", Columns())
    with pytest.raises(FileError, match="no format"):
        open_cases(tmp_path / "x.xlsx", Columns())


@pytest.mark.parametrize("name", ["c.csv", "c.jsonl"])
def test_a_field_of_a_megabyte(tmp_path: Path, name: str) -> None:
    long = '한 word, and "more"\n' * 60_000
    text = json.dumps({"message": long}) if name == "c.jsonl" else "message\n" + '"' + long.replace('"', '""') + '"\n'
    (one,) = cases(tmp_path, name, text)
    assert one.message == long
    assert len(long) > 1_000_000
    assert csv.field_size_limit() >= FIELD


def test_rows_of_the_same_name_or_content_are_told_apart(tmp_path: Path) -> None:
    found = cases(tmp_path, "c.csv", "name,message\na,1\n,2\na,3\n,2\n")
    assert [case.name for case in found] == ["a", "case 2", "a #2", "case 4"]
    assert len({case.key for case in found}) == 4


def test_the_file_may_change_while_it_runs(tmp_path: Path) -> None:
    found = cases(tmp_path, "c.csv", "message\none\ntwo\n")
    write(tmp_path, "c.csv", "x")
    assert [case.message for case in found] == ["one", "two"]


WORDS = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=100)
@given(st.lists(st.tuples(WORDS.map(str.strip), WORDS, WORDS), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_comes_back(rows: list[tuple[str, str, str]], ends: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([("name", "message", "a"), *rows])
    found = FileCases(Path("c.csv"), out.getvalue().encode(), "csv", Columns(), "", ",")
    assert [(case.message, case.variables) for case in found] == [(row[1], {"a": row[2]}) for row in rows]
    assert [found[at] for at in range(len(found))] == list(found)
    assert len({case.name for case in found if " #" not in case.name}) <= len(rows)


@settings(max_examples=100)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"message": WORDS, "a": WORDS | st.integers(-(2**53), 2**53) | st.booleans()}, optional={"b": st.none()}
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_json_writes_comes_back(rows: list[dict[str, Any]]) -> None:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    found = FileCases(Path("c.jsonl"), data, "jsonl", Columns(), "", ",")
    assert [(case.message, case.variables["a"]) for case in found] == [(row["message"], row["a"]) for row in rows]


@settings(max_examples=150)
@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl"]))
def test_any_bytes_are_cases_or_an_error_of_one_line(data: bytes, kind: str) -> None:
    said, names, again = "", [""], [""]
    try:
        found = FileCases(Path("c"), data, kind, Columns(), "", ",")
        names, again = [case.name for case in found], [found[at].name for at in range(len(found))]
    except PromptError as error:
        said = str(error)
    assert "\n" not in said
    assert names == again


def test_memory_is_the_files_bytes_and_little_more(tmp_path: Path) -> None:
    rows = 20_000
    path = write(tmp_path, "c.csv", "message,a\n" + "".join(f"Say the number {n},{n}\n" for n in range(rows)))
    experiment = parse(b'kind = "experiment"\ncases = "c.csv"\n', tmp_path / "e.toml")
    experiment.cases()  # what is imported and compiled once
    tracemalloc.start()
    found = experiment.cases()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == rows
    assert kept - path.stat().st_size < 30 * rows


def test_a_header_of_a_hundred_thousand_columns_is_no_quadratic_wait(tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(100_000))
    (one,) = cases(tmp_path, "c.csv", f"{names}\n{names}\n")
    assert len(one.variables) == 100_000
    with pytest.raises(FileError, match="two columns are called"):
        cases(tmp_path, "d.csv", f"{names},c5\n1\n")
