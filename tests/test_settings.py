"""Settings: defaults, ranges, near names, files that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import paths, settings
from workbench.errors import StorageError, UsageError

BOX = "[[servers]]\nname = 'box'\nurl = 'http://host:8080/v1'"


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
        ("servers = 3", "servers must be tables"),
        ("servers = [3]", "servers must be tables"),
        (f"{BOX}\nkey_evn = 'X'", "[[servers]] 1: key_evn is no setting of a server — did you mean key_env?"),
        ("[[servers]]\nurl = 'http://x'", "name must be a text"),
        ("[[servers]]\nname = 'box'", "url must be a text"),
        (BOX.replace("box", "a/b"), "letters, digits, _ and - only"),
        (f"{BOX}\n{BOX}", "two servers are named box"),
        (BOX.replace("http", "ftp"), "url is no http(s) address"),
        (BOX.replace("host", "ho st"), "url is no http(s) address"),
        (BOX.replace(":8080", ":port"), "url is no http(s) address"),
        (BOX.replace("host", "me:pass@host"), "url holds more than scheme, host, port and path"),
        (BOX.replace("/v1", "/v1?key=pass"), "url holds more than scheme, host, port and path"),
        (f"{BOX}\nkey_env = 'A'\nkey_file = 'b'", "keep one"),
        (f"{BOX}\nkey_env = 3", "key_env must be a text"),
        (f"{BOX}\nconcurrency = 0", "1 to 1024"),
        (f"{BOX}\ntimeout = true", "seconds, up to 86400"),
        (f"{BOX}\nmodels = 'one'", "models must be a list of texts"),
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
    assert "pass@" not in str(caught.value)
    assert "key=pass" not in str(caught.value)


def test_servers_are_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"fps = 9\n{BOX}\nkey_env = 'KEY'\ntimeout = 5\nmodels = ['a']\n{BOX.replace('box', 'two')}")
    found = settings.load(file)
    assert found.fps == 9
    assert found.servers == (
        settings.Server("box", "http://host:8080/v1", key_env="KEY", timeout=5.0, models=("a",)),
        settings.Server("two", "http://host:8080/v1"),
    )


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
