"""`workbench prompts …`: DESIGN's shapes, exit codes, and nothing on the terminal that it would obey."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench import safe
from workbench.cli import main
from workbench.errors import Exit

COLUMNS = {"id", "kind", "title", "tags", "version", "labels", "tokens", "error"}
EVIL = "\\u001b]52;c;cHduZWQ=\\u0007\\u009b2J\\u202e\\u007f"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of four files: one good, one in Korean, one evil, two broken."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "lib"
    made.mkdir()
    (made / "good.toml").write_text('kind = "system"\ntitle = "Good one"\ntags = ["x"]\ntext = "Be good."\n')
    (made / "한글 이름.toml").write_text('kind = "system"\ntitle = "인사"\ntext = "안녕"\n', encoding="utf-8")
    (made / "evil\x1b]0;pwn\x07.toml").write_text(
        f'kind = "system"\ntitle = "{EVIL}"\ndescription = "{EVIL}"\ntags = ["{EVIL}"]\ntext = "{EVIL}"\n'
    )
    (made / "broken.toml").write_text('kind = "system"\ntext = "\x1b[31m')
    (made / "slot.toml").write_text('kind = "system"\ntilte = "x"\ntext = """\nHi {{nmae}}"""\n[variables.name]\n')
    return made


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(["prompts", *argv], app=lambda _: 0, keys=lambda _: 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code, out, _ = run(capsys, *argv, "--json")
    return code, json.loads(out)


def test_list(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, rows = run_json(capsys, "list", "--library", str(folder))
    assert code == Exit.OK
    assert all(set(row) >= COLUMNS for row in rows)
    by_id = {row["id"]: row for row in rows}
    good = by_id["good"]
    assert (good["kind"], good["title"], good["tags"], good["labels"], good["tokens"]) == (
        "system", "Good one", ["x"], [], None,
    )  # fmt: skip
    assert len(good["version"]) == 64
    assert "broken.toml:2" in by_id["broken"]["error"]
    assert by_id["broken"]["version"] is None
    assert "system/plain" in by_id
    assert "한글 이름" in by_id


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_list_for_a_person(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    from wcwidth import wcswidth

    monkeypatch.setenv("COLUMNS", columns)
    _, out, err = run(capsys, "list", "--library", str(folder))
    lines = out.splitlines()
    assert max(map(wcswidth, lines)) <= int(columns)
    assert min(map(wcswidth, lines)) >= 0
    assert any("bad file" in line for line in lines)
    assert "prompts check" in err


def test_show(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = run(capsys, "show", "system/few-shot")
    assert code == Exit.OK
    assert "system/few-shot@" in out
    assert "example: assistant" in out
    code, data = run_json(capsys, "show", "good", "--library", str(folder))
    assert (data["id"], data["text"], data["library"]) == ("good", "Be good.", "lib")
    code, out, err = run(capsys, "show", "sytem/plain")
    assert (code, out) == (Exit.NOT_FOUND, "")
    assert "did you mean system/plain?" in err
    code, _, err = run(capsys, "show", "broken", "--library", str(folder))
    assert code == Exit.USAGE
    assert "broken.toml:2" in err
    assert run(capsys, "list", "--library", "nowhere")[0] == Exit.USAGE


def test_every_shipped_prompt_is_shown_and_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = run_json(capsys, "list")
    for row in rows:
        code, data = run_json(capsys, "show", row["id"])
        assert (code, data["version"]) == (Exit.OK, row["version"])


def test_search(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = run_json(capsys, "search", "step", "by", "step")
    assert (code, rows[0]["id"]) == (Exit.OK, "system/step-by-step")
    assert set(rows[0]) >= COLUMNS | {"score"}
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert run_json(capsys, "search", "tag:korean")[1][0]["id"] == "system/korean"
    assert {row["kind"] for row in run_json(capsys, "search", "kind:chat")[1]} == {"chat"}
    assert run_json(capsys, "search", "zzzzqqqq") == (Exit.NOT_FOUND, [])


def test_labels_are_found_as_those_of_the_prompts_own_library(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two libraries have `a`; only the farther one labels its own, which nobody reaches by this id."""
    monkeypatch.chdir(tmp_path)
    for name, ids in (("near", "a"), ("far", "ab")):
        (tmp_path / name).mkdir()
        for id in ids:
            (tmp_path / name / f"{id}.toml").write_text(f'kind = "system"\ntitle = "{name}"\ntext = "x"\n')
    both = ["--library", "near", "--library", "far"]
    for id in ("a", "b"):
        assert run(capsys, "label", id, "production", "--library", "far")[0] == Exit.OK
    code, rows = run_json(capsys, "search", "label:production", *both)
    assert (code, [(row["id"], row["title"], row["labels"]) for row in rows]) == (
        Exit.OK, [("b", "far", ["production"])],
    )  # fmt: skip
    assert [row["id"] for row in run_json(capsys, "search", "label:prod", "far", *both)[1]] == ["b"]
    by_id = {row["id"]: row for row in run_json(capsys, "list", *both)[1]}
    assert (by_id["a"]["title"], by_id["a"]["labels"]) == ("near", [])
    assert [row["id"] for row in run_json(capsys, "search", "label:production", "--library", "far")[1]] == ["a", "b"]
    assert run_json(capsys, "search", "label:candidate", *both) == (Exit.NOT_FOUND, [])


def test_bad_files_are_listed_from_the_cache_too(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    first = run_json(capsys, "list", "--library", str(folder))
    assert run_json(capsys, "list", "--library", str(folder)) == first
    code, rows = run_json(capsys, "search", "is:bad", "--library", str(folder))
    assert (code, [row["id"] for row in rows]) == (Exit.OK, ["broken"])
    assert [row["error"] for row in rows] == [row["error"] for row in first[1] if row["error"]]
    (folder / "broken.toml").write_text('kind = "system"\ntext = "mended"\n')
    assert [row["id"] for row in run_json(capsys, "search", "mended", "--library", str(folder))[1]] == ["broken"]


def test_check(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run_json(capsys, "check") == (Exit.OK, [])
    code, found = run_json(capsys, "check", "--library", str(folder))
    assert code == Exit.USAGE
    assert [(Path(p["file"]).name, p["line"], p["key"]) for p in found] == [
        ("broken.toml", 2, ""),
        ("slot.toml", 2, "tilte"),
        ("slot.toml", 4, "text"),
        ("slot.toml", 5, "variables.name"),
    ]
    assert found[1]["hint"] == "did you mean title?"
    assert found[2]["hint"] == "did you mean {{name}}?"
    assert run(capsys, "check", "good", "--library", str(folder))[0] == Exit.OK
    assert run(capsys, "check", str(folder / "slot.toml"))[0] == Exit.USAGE
    assert run(capsys, "check", "broken", "--library", str(folder))[0] == Exit.USAGE
    assert run(capsys, "check", "nowhere")[0] == Exit.NOT_FOUND


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_nothing_a_terminal_obeys_is_printed(
    capsys: pytest.CaptureFixture[str], folder: Path, flags: list[str]
) -> None:
    evil = next(path.stem for path in folder.iterdir() if path.name.startswith("evil"))
    for argv in (["list"], ["show", evil], ["search", "evil"], ["check"], ["show", "no\x1b[2J"], ["show", "broken"]):
        _, out, err = run(capsys, *argv, "--library", str(folder), *flags)
        assert out or err
        assert safe.is_safe(out), argv
        assert safe.is_safe(err), argv


def test_a_listing_imports_little() -> None:
    script = (
        "import sys\nfrom workbench.cli import main\n"
        "main.run(['prompts', 'list'], app=lambda _: 0, keys=lambda _: 0)\n"
        "heavy = {'textual', 'rich', 'llama_cpp', 'numpy', 'rapidfuzz', 'minijinja', 'jinja2', 'asyncio', 'sqlite3'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
