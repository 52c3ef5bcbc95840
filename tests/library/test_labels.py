"""Labels: small diffs, nothing lost between processes, a bad file one line, names that are no version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.files import atomic_write
from workbench.library import labels
from workbench.library.reader import FileError

ONE, TWO = "1" * 64, "a" * 64


def test_a_label_is_set_moved_and_removed(tmp_path: Path) -> None:
    assert labels.set_label(tmp_path, "system/plain", "production", ONE) is None
    assert labels.set_label(tmp_path, "a b/한글", "candidate", ONE) is None
    assert labels.set_label(tmp_path, "system/plain", "candidate", TWO) is None
    assert labels.set_label(tmp_path, "system/plain", "production", TWO) == ONE
    assert (tmp_path / "labels.toml").read_text() == (
        f'["a b/한글"]\ncandidate = "{ONE}"\n\n["system/plain"]\ncandidate = "{TWO}"\nproduction = "{TWO}"\n'
    )
    assert labels.load(tmp_path)["system/plain"] == {"candidate": TWO, "production": TWO}
    assert labels.remove(tmp_path, "system/plain", "candidate") == TWO
    with pytest.raises(NotFoundError, match="its labels are production"):
        labels.remove(tmp_path, "system/plain", "candidate")
    assert labels.remove(tmp_path, "a b/한글", "candidate") == ONE
    assert list(labels.load(tmp_path)) == ["system/plain"]


def test_no_file_is_no_labels(tmp_path: Path) -> None:
    assert labels.load(tmp_path) == labels.load(tmp_path / "nowhere") == {}
    with pytest.raises(StorageError, match="No such file"):
        labels.set_label(tmp_path / "nowhere", "a", "production", ONE)


def test_labels_go_with_a_prompt(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    labels.set_label(tmp_path, "old", "production", ONE)
    labels.set_label(tmp_path, "stays", "production", TWO)
    labels.moved(tmp_path, "old", tmp_path, "new")
    assert labels.load(tmp_path) == {"new": {"production": ONE}, "stays": {"production": TWO}}
    labels.moved(tmp_path, "new", other, "there")
    assert labels.load(tmp_path) == {"stays": {"production": TWO}}
    assert labels.load(other) == {"there": {"production": ONE}}
    labels.moved(tmp_path, "none", other, "there")
    assert labels.load(other) == {"there": {"production": ONE}}


@pytest.mark.parametrize(
    "name", ["face", "0123", "DEADBEEF", "a" * 64, "", "a b", "a@b", "-x", ".x", "x" * 65, "\ud800"]
)
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        labels.set_label(tmp_path, "p", name, ONE)
    assert not (tmp_path / "labels.toml").exists()


@pytest.mark.parametrize("name", ["abc", "production", "v1.2", "my-own_1", "운영", "facet", "a" * 63 + "z"])
def test_a_name_that_is_one(tmp_path: Path, name: str) -> None:
    labels.set_label(tmp_path, "p", name, ONE)
    assert labels.load(tmp_path) == {"p": {name: ONE}}


def test_composed_and_decomposed_are_one_name(tmp_path: Path) -> None:
    import unicodedata

    labels.set_label(tmp_path, "p", unicodedata.normalize("NFD", "운영"), ONE)
    assert labels.remove(tmp_path, "p", "운영") == ONE


def test_only_whole_hashes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="whole content hash"):
        labels.set_label(tmp_path, "p", "production", "1234")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = ", 1, "broken TOML"),
        ("\n<<<<<<< HEAD\n", 2, "broken TOML"),
        ('# ours\nproduction = "1"', 2, "must be a table"),
        ('["p"]\nproduction = "12"', 2, "names a version"),
        ('["p"]\nproduction = 12', 2, "names a version, not a number"),
        (f'["p"]\nbeef = "{ONE}"', 2, "could be a version"),
        ('["p"]\n["p"]\n', 2, "broken TOML"),
    ],
)
def test_a_bad_file_is_one_line_and_is_not_written_over(tmp_path: Path, text: str, line: int, said: str) -> None:
    (tmp_path / "labels.toml").write_text(text)
    for call in (lambda: labels.load(tmp_path), lambda: labels.set_label(tmp_path, "p", "production", ONE)):
        with pytest.raises(FileError, match=said) as caught:
            call()
        assert f"labels.toml:{line}" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "labels.toml").read_text() == text


def test_a_link_that_leads_out_is_neither_read_nor_written(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "secret.toml").write_text("")
    (tmp_path / "lib" / "labels.toml").symlink_to(tmp_path / "secret.toml")
    for call in (labels.load, lambda folder: labels.set_label(folder, "p", "production", ONE)):
        with pytest.raises(FileError, match="leads out"):
            call(tmp_path / "lib")
    assert (tmp_path / "secret.toml").read_text() == ""


def test_the_shipped_library_refuses(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="shipped library"):
        labels.set_label(paths.shipped("prompts"), "system/plain", "production", ONE)


def test_processes_that_set_labels_lose_none(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom workbench.library import labels\n"
        "for n in range(15): labels.set_label(Path(sys.argv[1]), f'p{n % 3}', f'{sys.argv[2]}-{n}', '1' * 64)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in ("x", "y", "z")]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    made = labels.load(tmp_path)
    assert {label for each in made.values() for label in each} == {f"{who}-{n}" for who in "xyz" for n in range(15)}
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["labels.toml"]


def test_a_write_by_another_program_in_between_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, once = atomic_write, [True]

    def write(path: Path, data: bytes, *, expect: str | None = None, mode: int = 0o600) -> None:
        if once:
            once.pop()
            path.write_text(f'["q"]\ncandidate = "{TWO}"\n')
        whole(path, data, expect=expect, mode=mode)

    monkeypatch.setattr(labels, "atomic_write", write)
    labels.set_label(tmp_path, "p", "production", ONE)
    assert labels.load(tmp_path) == {"p": {"production": ONE}, "q": {"candidate": TWO}}


def test_a_prompt_whose_name_is_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        labels.set_label(tmp_path, "odd\udcff", "production", ONE)
