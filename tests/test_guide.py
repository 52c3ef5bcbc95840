"""docs/prompt-files.md: every example in it is right, and every verb that there is stands in it."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from pathlib import Path

import jsonschema
import pytest

from workbench.cli import main
from workbench.cli.prompts import add_parser
from workbench.errors import Exit
from workbench.inference.engine import Message
from workbench.library import labels, profiles
from workbench.library.check import problems_of
from workbench.library.jsonschema import schema
from workbench.library.library import Entry
from workbench.library.prompt import parse

GUIDE = (Path(__file__).parents[1] / "docs" / "prompt-files.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
TOML = [text for kind, text in BLOCKS if kind == "toml"]


def name_of(text: str) -> str:
    """The file that an example's first line names."""
    return text.splitlines()[0].lstrip("#: ").removeprefix("schema ")


@pytest.mark.parametrize("text", TOML, ids=name_of)
def test_every_toml_example_is_right(text: str, tmp_path: Path) -> None:
    name = name_of(text)
    if name == "labels.toml":
        (tmp_path / name).write_text(text)
        assert len(labels.load(tmp_path)["system/proofread"]) == 2
    elif name == ".taplo.toml":
        assert tomllib.loads(text)["rule"][0]["schema"]["path"] == "prompt.schema.json"
    elif "/profiles/" in name:
        assert profiles.parse(text.encode(), "teacher", tmp_path).how_to_answer
    else:
        prompt = parse(text.encode(), id="x")
        assert problems_of(Entry("x", "", tmp_path, prompt, None)) == []
        jsonschema.Draft7Validator(schema()).validate(tomllib.loads(text))


def test_the_first_example_shows_every_part_of_a_system_prompt() -> None:
    prompt = parse(TOML[0].encode(), id="x")
    for part in ("title", "description", "tags", "text", "variables", "examples", "sampling", "cases"):
        assert getattr(prompt, part), part
    types = parse(next(text for text in TOML if "types.toml" in text).encode(), id="x").variables.values()
    assert {slot.type for slot in types} == {"string", "int", "float", "bool", "choice"}


def test_the_whole_message_is_what_a_profile_makes() -> None:
    profile = profiles.parse(next(text for text in TOML if "/profiles/" in text).encode(), "teacher", Path("x.toml"))
    (message,) = profiles.combine([Message("system", "You are a helpful assistant.")], profile)
    assert message.content == next(text for kind, text in BLOCKS if kind == "text").rstrip("\n")


def test_every_verb_stands_in_it() -> None:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    (prompts,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    (verbs,) = (
        action for action in prompts.choices["prompts"]._actions if isinstance(action, argparse._SubParsersAction)
    )
    table = "\n".join(line for line in GUIDE.splitlines() if line.startswith("| `"))
    for verb in verbs.choices:
        assert re.search(rf"`{verb}[ `]", table), verb


def test_the_walk_through_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (walk,) = (text for kind, text in BLOCKS if kind == "sh")
    first, *lines = walk.splitlines()
    assert first == "mkdir prompts"
    Path("prompts").mkdir()
    for line in lines:
        program, *argv = shlex.split(line)
        assert program == "workbench"
        code = main.run(argv, app=lambda _: 0, keys=lambda _: 0)
        said = capsys.readouterr()
        assert code == Exit.OK, (line, said)
        if "--rendered" in line:
            assert "one haiku about snow" in said.out
    assert "Answer with a haiku." in (tmp_path / "prompts/system/haiku.toml").read_text()
    assert (tmp_path / "prompts/personal/plain.toml").is_file()
