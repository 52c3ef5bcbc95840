"""Saving: every save a version, a conflict seen however the file was changed, and nobody's text lost."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import StorageError
from workbench.library.drafts import Drafts
from workbench.library.library import Libraries, Library
from workbench.library.prompt import parse
from workbench.library.reader import FileError
from workbench.library.versions import Versions
from workbench.library.writing import Conflict, Working, Writer

TEXT = '# mine\nschema = 1\nkind = "system"\ntitle = "T"\ntext = """\nBe brief.\n"""\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lib"
    (made / "system").mkdir(parents=True)
    (made / "system" / "a.toml").write_text(TEXT)
    return made


def writer(*folders: Path, shipped: Path | None = None) -> Writer:
    libraries = [Library(f"lib{n}", folder) for n, folder in enumerate(folders)]
    if shipped is not None:
        libraries.append(Library("shipped", shipped, writable=False))
    return Writer(Libraries(libraries), Versions())


def test_a_save_is_a_version_and_the_one_before_is_kept(folder: Path) -> None:
    here = writer(folder)
    working = here.open("system/a")
    assert not working.changed
    working.text = working.text.replace("brief", "very brief")
    saved = here.save(working, "shorter")
    data = (folder / "system" / "a.toml").read_bytes()
    assert data == TEXT.replace("brief", "very brief").encode()
    assert saved.version == parse(data, id="system/a").version
    log = here.versions.log(folder, "system/a")
    assert [(each.note, here.versions.data(folder, "system/a", each.blob)) for each in log] == [
        ("shorter", data),
        ("as it was on disk", TEXT.encode()),
    ]
    assert not working.changed


def test_line_ends_mark_mode_and_link_stay(folder: Path) -> None:
    real = folder / "real file 한.toml"
    real.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (folder / "link.toml").symlink_to(real.name)
    here = writer(folder)
    working = here.open("link")
    working.text = working.text.replace("brief", "quick")
    here.save(working)
    assert real.read_bytes() == b"\xef\xbb\xbf" + TEXT.replace("brief", "quick").replace("\n", "\r\n").encode()
    assert (folder / "link.toml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_broken_text_is_saved_and_has_no_version(folder: Path) -> None:
    here = writer(folder)
    working = here.open("system/a")
    working.text = 'kind = "system'
    assert here.save(working).version == ""
    assert (folder / "system" / "a.toml").read_text() == 'kind = "system'
    assert here.versions.log(folder, "system/a")[0].version == ""


def test_a_shipped_prompt_becomes_a_copy_that_covers_it(folder: Path) -> None:
    here = writer(shipped=folder)
    working = here.open("system/a")
    working.text = working.text.replace("brief", "mine")
    saved = here.save(working)
    assert saved.copied
    assert saved.path == paths.data_dir() / "prompts" / "system" / "a.toml"
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert (folder / "system" / "a.toml").read_text() == TEXT
    assert here.libraries.get("system/a").library == "mine"
    kept = here.versions.log(saved.library.folder, "system/a")
    assert [row.note for row in kept] == ["", "as it is in shipped"]
    working.text += "# more\n"
    assert not here.save(working).copied


def test_a_newer_schema_and_a_read_only_file_are_not_written(folder: Path) -> None:
    path = folder / "system" / "a.toml"
    path.write_text(TEXT.replace("schema = 1", "schema = 9"))
    here = writer(folder)
    working = here.open("system/a")
    working.text += "#"
    with pytest.raises(StorageError, match="schema 9 is newer"):
        here.save(working)
    path.write_text(TEXT)
    path.chmod(0o444)
    working = here.open("system/a")
    working.text += "#"
    here.keep(working)
    with pytest.raises(StorageError, match="read-only"):
        here.save(working)
    assert path.read_text() == TEXT
    assert Drafts().find(path) is not None


def test_what_is_no_text_is_said(folder: Path) -> None:
    (folder / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="not UTF-8"):
        writer(folder).open("bad")


# ---- conflicts


def in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"#theirs")


def by_rename(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_text("theirs = 1\n")
    other.replace(path)


def by_deletion(path: Path) -> None:
    path.unlink()


def same_size_and_time(path: Path) -> None:
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b"brief", b"BRIEF"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("change", [in_place, by_rename, by_deletion, same_size_and_time])
def test_every_kind_of_change_is_noticed(folder: Path, change: Callable[[Path], None]) -> None:
    here, path = writer(folder), folder / "system" / "a.toml"
    working = here.open("system/a")
    assert here.seen(working) == working.base
    working.text = working.text.replace("brief", "mine")
    here.keep(working)
    change(path)
    theirs = path.read_bytes() if path.exists() else None
    assert here.seen(working) != working.base
    with pytest.raises(Conflict) as caught:
        here.save(working)
    assert caught.value.theirs == theirs
    assert (path.read_bytes() if path.exists() else None) == theirs
    draft = Drafts().find(path)
    assert draft is not None
    assert "mine" in draft.text


def test_keep_mine_take_theirs_and_merge(folder: Path) -> None:
    here, path = writer(folder), folder / "system" / "a.toml"

    def clash() -> tuple[Conflict, Working]:
        path.write_text(TEXT)
        working = here.open("system/a")
        working.text = working.text.replace("brief", "mine")
        path.write_text(TEXT.replace('"T"', '"Theirs"'))
        with pytest.raises(Conflict) as caught:
            here.save(working)
        return caught.value, working

    conflict, working = clash()
    here.keep_mine(working, conflict.theirs)
    here.save(working)
    assert path.read_text() == TEXT.replace("brief", "mine")
    conflict, working = clash()
    assert conflict.theirs is not None
    here.take(working, conflict.theirs)
    assert path.read_bytes() == conflict.theirs
    assert not working.changed
    conflict, working = clash()
    assert conflict.theirs is not None
    assert here.merged(working, conflict.theirs).conflicts == 0
    here.save(working)
    assert path.read_text() == TEXT.replace("brief", "mine").replace('"T"', '"Theirs"')
    kept = {here.versions.data(folder, "system/a", each.blob) for each in here.versions.log(folder, "system/a")}
    mine, theirs = TEXT.replace("brief", "mine"), TEXT.replace('"T"', '"Theirs"')
    assert {mine.encode(), theirs.encode(), path.read_bytes()} <= kept


def test_gone_and_kept_is_written_again(folder: Path) -> None:
    here, path = writer(folder), folder / "system" / "a.toml"
    working = here.open("system/a")
    working.text += "# mine\n"
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(Conflict) as caught:
        here.save(working)
    here.keep_mine(working, caught.value.theirs)
    here.save(working)
    assert path.read_text() == TEXT + "# mine\n"


def test_two_instances_never_overwrite_each_other(folder: Path) -> None:
    """500 saves of two writers in a random order: whoever did not see the other's save gets a conflict."""
    rng = random.Random(7)
    here = (writer(folder), writer(folder))
    working = [each.open("system/a") for each in here]
    on_disk = TEXT
    conflicts = 0
    written = []
    for number in range(500):
        who = rng.randrange(2)
        behind = working[who].base.decode() != on_disk
        working[who].text = f"{TEXT}# {who} {number}\n"
        written.append((who, number))
        if behind:
            with pytest.raises(Conflict) as caught:
                here[who].save(working[who])
            assert caught.value.theirs == on_disk.encode()
            conflicts += 1
            here[who].take(working[who], caught.value.theirs)
        else:
            here[who].save(working[who])
            on_disk = f"{TEXT}# {who} {number}\n"
        assert (folder / "system" / "a.toml").read_text() == on_disk
    assert conflicts > 100
    kept = {here[0].versions.data(folder, "system/a", each.blob) for each in here[0].versions.log(folder, "system/a")}
    assert {f"{TEXT}# {who} {number}\n".encode() for who, number in written} <= kept


# ---- drafts


def test_a_draft_is_found_again_and_dropped_by_the_save(folder: Path) -> None:
    here = writer(folder)
    working = here.open("system/a")
    working.text = working.text.replace("brief", "unsaved")
    here.keep(working)
    again = writer(folder).open("system/a")
    assert again.text == working.text
    assert again.drafted
    assert again.changed
    here.save(again)
    assert writer(folder).open("system/a").drafted == ""


def test_a_draft_of_an_older_file_is_a_conflict_not_a_loss(folder: Path) -> None:
    here = writer(folder)
    working = here.open("system/a")
    working.text = working.text.replace("brief", "unsaved")
    here.keep(working)
    (folder / "system" / "a.toml").write_text(TEXT + "# theirs\n")
    again = writer(folder).open("system/a")
    assert "unsaved" in again.text
    with pytest.raises(Conflict):
        here.save(again)


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (call, number)
        for call in ("open", "write", "fchown", "fchmod", "fsync", "replace")
        for number in (errno.ENOSPC, errno.EIO, errno.EACCES)
        if (call, number) != ("fchown", errno.EACCES)  # only root may give a file away: no failure
    ],
)
def test_a_failing_disk_leaves_the_file_whole_and_the_draft_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    here, path = writer(folder), folder / "system" / "a.toml"
    working = here.open("system/a")
    working.text = working.text.replace("brief", "unsaved")
    here.keep(working)

    def fail(*arguments: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(f"workbench.files.os.{call}", fail)
        with pytest.raises(StorageError, match=os.strerror(number)):
            here.save(working)
    assert path.read_text() == TEXT
    draft = Drafts().find(path)
    assert draft is not None
    assert "unsaved" in draft.text
    assert [item.name for item in path.parent.iterdir()] == ["a.toml"]


_KILL = """
import os, signal, sys
from pathlib import Path
import workbench.files as files
from workbench.library.library import Libraries, Library
from workbench.library.versions import Versions
from workbench.library.writing import Writer
here = Writer(Libraries([Library("lib", Path(sys.argv[1]))]), Versions())
working = here.open("system/a")
working.text = working.text.replace("brief", "newer")
here.keep(working)
left = int(sys.argv[2])
for name in ("open", "write", "fchown", "fchmod", "fsync", "replace", "close"):
    def step(*arguments, whole=getattr(os, name), name=name, **named):
        global left
        left -= 1
        if left == 0:
            if name == "write":
                whole(arguments[0], bytes(arguments[1][:2]))
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*arguments, **named)
    setattr(os, name, step)
here.save(working)
print("saved", left)
"""


def test_killed_at_every_step_of_a_save_the_old_or_the_new_bytes_stand(folder: Path) -> None:
    path = folder / "system" / "a.toml"
    new = TEXT.replace("brief", "newer")
    seen = set()
    for step in range(1, 200):
        path.write_text(TEXT)
        done = subprocess.run(
            [sys.executable, "-c", _KILL, str(folder), str(step)], capture_output=True, text=True, check=False
        )
        assert path.read_text() in (TEXT, new)
        seen.add(path.read_text())
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        again = writer(folder).open("system/a")
        assert again.text == new  # on disk, or as the draft
        Drafts().drop(path)
    else:
        raise AssertionError("it never ended")
    assert step > 8
    assert seen == {TEXT, new}


def test_a_note_changes_nothing_and_goes_with_the_copy(folder: Path, tmp_path: Path) -> None:
    (mine := tmp_path / "mine").mkdir()
    here = writer(mine, shipped=folder)
    working = here.open("system/a")
    here.note(working, "galaxy makes ‘sun’ 30 × likelier")
    here.note(working, "and 31 × on Tuesdays")
    assert (folder / "system" / "a.toml").read_text() == TEXT
    said = ["and 31 × on Tuesdays", "galaxy makes ‘sun’ 30 × likelier"]
    assert [row.note for row in here.versions.log(folder, "system/a")] == [*said, "as it was on disk"]
    working.text = working.text.replace("brief", "very brief")
    here.save(working, "shorter")
    log = here.versions.log(mine, "system/a")
    assert [row.note for row in log] == ["shorter", *said, "as it is in shipped"]
    assert len({row.version for row in log[1:]}) == 1
