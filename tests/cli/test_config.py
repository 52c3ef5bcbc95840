"""`workbench config`: what holds, where it comes from, and that no key is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import paths, settings
from workbench.cli.main import run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def main(arguments: list[str]) -> int:
    return run(arguments, app=lambda _: 1, keys=lambda _: 1)


def _write(text: str) -> None:
    paths.ensure(paths.config_dir())
    settings.path().write_text(text)


def test_every_setting_has_help_and_is_read_by_its_key() -> None:
    for key, value in settings.values(settings.Settings()).items():
        table, _, name = key.rpartition(".")
        said = json.dumps(list(value) if isinstance(value, tuple) else value)
        _write(f"[{table}]\n{name} = {said}" if table else f"{name} = {said}")
        assert settings.load() == settings.Settings()
        assert settings.HELP[key]


def test_show_marks_what_is_not_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    _write('fps = 10\n[models]\nfolders = ["/m"]\n')
    assert main(["config", "show"]) == 0
    lines = {line[2:].split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["fps"].startswith("* ")
    assert lines["models.folders"].startswith("* ")
    assert lines["theme"].startswith("  ")


def test_show_as_json_tells_of_a_key_and_never_the_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_KEY", "sk-secret")
    _write('[[servers]]\nname = "lab"\nurl = "http://127.0.0.1:1/v1"\nkey_env = "LAB_KEY"\n')
    assert main(["config", "show", "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["servers"][0]["key"] == "$LAB_KEY (set)"
    assert found["file"] == str(settings.path())
    assert {row["key"] for row in found["settings"]} == set(settings.HELP)
    assert "sk-secret" not in out


def test_a_wrong_file_is_one_line_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    _write("fsp = 10\n")
    assert main(["config", "show"]) == 2
    assert "did you mean fps?" in capsys.readouterr().err


def test_path_names_files_below_the_xdg_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "path", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == str(settings.path())
    assert Path(found["history"]).parent == paths.data_dir()
    assert (Path(found["shipped_prompts"]) / "system" / "plain.toml").is_file()


def test_the_page_names_every_setting_with_its_default() -> None:
    page = DOCS.read_text()
    for key, value in settings.values(settings.Settings()).items():
        said = json.dumps(list(value) if isinstance(value, tuple) else value)
        assert f"| `{key}` | `{said}` | {settings.HELP[key]} |" in page
