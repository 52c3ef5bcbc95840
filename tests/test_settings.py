"""Settings: defaults, ranges, near names, files that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import paths, settings
from workbench.errors import StorageError, UsageError


def test_no_file_gives_the_defaults() -> None:
    assert settings.load() == settings.Settings()


def test_low_bandwidth_halves_the_frames(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("low_bandwidth = true\nfps = 20\n")
    assert settings.load(file).frames == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fpz = 3", "did you mean fps?"),
        ("fps = 0", "out of range — 1 to 60"),
        ('fps = "many"', "is not int"),
        ('mode = "quick"', "fast or strict"),
        ("fps = ", "cannot read the settings"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        settings.load(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_follow_xdg_and_ignore_relative_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert paths.data_dir() == Path.home() / ".local/share/workbench"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert paths.data_dir() == tmp_path / "workbench"
    monkeypatch.setenv("XDG_DATA_HOME", "here")
    assert paths.data_dir() == Path.home() / ".local/share/workbench"


def test_a_folder_is_private_and_a_failure_says_where(tmp_path: Path) -> None:
    assert paths.ensure(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        paths.ensure(tmp_path / "file" / "x")
