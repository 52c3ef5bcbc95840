"""`prompts import` and `prompts export`: what is made, what is said, exit codes; nothing is overwritten unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import Exit


@pytest.fixture
def lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "prompts"
    made.mkdir()
    (made / "one.toml").write_text(
        'kind = "system"\ntitle = "One"\ntext = "Be {{tone}}."\n[variables.tone]\ndefault = "kind"\n'
    )
    return made


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(["prompts", *argv], app=lambda _: 0, keys=lambda _: 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_import_makes_prompts_and_says_what_is_left_out(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    file = lib.parent / "t.yaml"
    file.write_text("name: steve\nsystem: Be $tone\nmodel: gpt-4\n")
    code, out, err = run(capsys, "import", str(file))
    assert code == Exit.OK
    assert out.startswith("steve@")
    assert "left out" in err
    assert "model" in err
    assert 'text = "Be {{tone}}"' in (lib / "steve.toml").read_text()
    code, out, err = run(capsys, "import", str(file))
    assert code == Exit.USAGE
    assert "has a prompt steve already" in err
    assert "--force" in err
    file.write_text("name: steve\nsystem: Be very $tone\n")
    assert run(capsys, "import", str(file), "--force")[0] == Exit.OK
    assert "Be very {{tone}}" in (lib / "steve.toml").read_text()
    code, out, _ = run(capsys, "history", "steve", "--json")
    assert len(json.loads(out)) == 2
    assert json.loads(out)[0]["note"] == "imported from t.yaml"


def test_import_of_several_with_one_refused(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    file = lib.parent / "p.yaml"
    file.write_text("prompts: ['A {{x}}', '{{x | upper}}', 'B']\n")
    code, out, _ = run(capsys, "import", str(file), "--id", "team", "--json")
    found = json.loads(out)
    assert code == Exit.USAGE
    assert [row["id"] for row in found["imported"]] == ["team/p-1", "team/p-3"]
    assert all(len(row["version"]) == 64 and Path(row["path"]).is_file() for row in found["imported"])
    assert "p.yaml:1: the filter {{x | upper}} is more than substitution" in found["errors"][0]
    assert run(capsys, "check")[0] == Exit.OK


def test_an_import_takes_no_unsaved_edit_away(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    from workbench.library.library import Libraries
    from workbench.library.versions import Versions
    from workbench.library.writing import Writer

    writer = Writer(Libraries.default(None), Versions())
    working = writer.open("one")
    working.text = working.text.replace("Be", "Do be")
    writer.keep(working)
    (lib.parent / "one.md").write_text("New.\n")
    code, _, err = run(capsys, "import", str(lib.parent / "one.md"), "--force")
    assert code == Exit.USAGE
    assert "one has an unsaved edit" in err
    assert "Do be" in writer.open("one").text
    assert "New" not in (lib / "one.toml").read_text()


def test_force_writes_into_no_other_library(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    (lib.parent / "one.md").write_text("New.\n")
    code, _, err = run(capsys, "import", str(lib.parent / "one.md"), "--force", "--to", "nonsense")
    assert code == Exit.USAGE
    assert "there is no library nonsense" in err
    code, _, err = run(
        capsys, "import", str(lib.parent / "one.md"), "--force", "--to", "shipped", "--id", "system/plain"
    )
    assert code == Exit.USAGE
    assert "shipped library is not written to" in err
    assert "New" not in (lib / "one.toml").read_text()
    assert not (lib / "system").exists()


def test_two_of_one_name(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    for name in ("sum up", "sum-up"):
        (lib.parent / "patterns" / name).mkdir(parents=True)
        (lib.parent / "patterns" / name / "system.md").write_text(f"I am {name}.")
    code, out, err = run(capsys, "import", str(lib.parent / "patterns"), "--force")
    assert code == Exit.USAGE
    assert out.count("sum-up@") == 1
    assert "two of them would be called sum-up" in err
    assert "I am sum up." in (lib / "sum-up.toml").read_text()


def test_half_a_character_in_a_name(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    (lib.parent / "t.yaml").write_text('name: "a\\ud800b"\nprompt: x\n')
    code, out, _ = run(capsys, "import", str(lib.parent / "t.yaml"), "--json")
    assert code == Exit.OK
    assert json.loads(out)["imported"][0]["id"] == "a-b"


def test_import_that_cannot_be(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    assert run(capsys, "import", "nowhere.md")[0] == Exit.NOT_FOUND
    code, _, err = run(capsys, "import", str(lib / "one.toml"))
    assert code == Exit.USAGE
    assert "which format is it?" in err
    assert "--from messages|promptfoo" in err


def test_export_to_stdout_and_to_files(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    code, out, err = run(capsys, "export", "one", "--to", "llm")
    assert code == Exit.OK
    assert out == "system: Be ${tone}.\ndefaults:\n  tone: kind\n"
    assert "left out: one: title" in err
    code, out, _ = run(capsys, "export", "one", "--to", "fabric", "--json")
    assert json.loads(out)["files"] == [{"name": "one/system.md", "text": "Be {{tone}}.\n"}]
    assert json.loads(out)["dropped"]
    target = lib.parent / "out"
    assert run(capsys, "export", "one", "system/plain", "--to", "prompty", "--output", str(target))[0] == Exit.OK
    assert sorted(path.name for path in target.iterdir()) == ["one.prompty", "plain.prompty"]
    code, _, err = run(capsys, "export", "one", "--to", "prompty", "--output", str(target))
    assert code == Exit.USAGE
    assert "there is a file already" in err
    assert run(capsys, "export", "one", "--to", "prompty", "--output", str(target), "--force")[0] == Exit.OK
    assert run(capsys, "export", "one", "--to", "markdown", "--output", str(lib.parent / "x.md"))[0] == Exit.OK
    assert (lib.parent / "x.md").read_text() == "# One\n\nBe {{tone}}.\n"
    assert run(capsys, "import", str(target / "one.prompty"), "--id", "back")[0] == Exit.OK
    code, out, _ = run(capsys, "show", "back", "--json")
    assert json.loads(out)["text"] == "Be {{tone}}.\n"


def test_export_that_cannot_be(capsys: pytest.CaptureFixture[str], lib: Path) -> None:
    assert run(capsys, "export", "none", "--to", "llm")[0] == Exit.NOT_FOUND
    assert run(capsys, "export", "one", "--to", "docx")[0] == Exit.USAGE
    code, _, err = run(capsys, "export", "association/star", "--to", "llm")
    assert code == Exit.USAGE
    assert "has no like in llm" in err
    code, _, err = run(capsys, "export", "one", "system/plain", "--to", "llm")
    assert code == Exit.USAGE
    assert "these are 2 files" in err
