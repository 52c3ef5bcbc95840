"""`ID@REF` and the timeline: saves, git, labels and what ran, each found; lazily, and with one line when not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.library.planted import BODY, git, put, repository
from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.files import digest
from workbench.library import labels
from workbench.library.library import Libraries, Library
from workbench.library.prompt import parse
from workbench.library.reader import FileError
from workbench.library.template import lead
from workbench.library.timeline import UNSAVED, Past, timeline
from workbench.library.versions import Versions


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    return tmp_path / "lib"


def body(text: str) -> bytes:
    return BODY.format(text).encode()


def version(text: str) -> str:
    return parse(body(text), id="x").version


def save(folder: Path, id: str, *texts: str) -> None:
    for text in texts:
        put(folder, id, text)
        Versions().record(folder, id, body(text), version(text), author="Ada")


def library(root: Path) -> Libraries:
    return Libraries([Library("lib", root)])


def text(libraries: Libraries, reference: str) -> str:
    return libraries.get(reference).text.strip()


def test_a_saved_version_by_the_beginning_of_its_hash(root: Path) -> None:
    save(root, "a/p", "one", "two", "three")
    libraries = library(root)
    for said in ("one", "two", "three"):
        for prefix in (version(said)[:6], version(said)[:6].upper(), version(said)):
            found = libraries.get(f"a/p@{prefix}")
            assert (found.text.strip(), found.version) == (said, version(said))
            assert (found.id, found.library, found.path) == ("a/p", "lib", root / "a" / "p.toml")
    assert text(libraries, f"lib:a/p@{version('one')[:8]}") == "one"
    assert text(libraries, f"a/p@{digest(body('one'))[:10]}") == "one"
    by_path = libraries.get(f"{root}/a/p.toml@{version('one')[:8]}")
    assert (by_path.text.strip(), by_path.id, by_path.library) == ("one", "p", "")


def test_a_label_and_what_there_is_when_there_is_none(root: Path) -> None:
    save(root, "p", "one", "two")
    labels.set_label(root, "p", "production", version("one"))
    labels.set_label(root, "p", "candidate", version("two"))
    libraries = library(root)
    assert text(libraries, "p@production") == "one"
    assert text(libraries, "p@candidate") == "two"
    with pytest.raises(NotFoundError, match="its labels are candidate, production"):
        libraries.get("p@staging")
    with pytest.raises(NotFoundError, match=f"present version is {version('two')[:8]}"):
        libraries.get("p@0000")
    for ref in ("abc", "", "1", "@", "\ud800", "x" * 500, "../p"):
        with pytest.raises(NotFoundError) as caught:
            libraries.get(f"p@{ref}")
        assert len(str(caught.value)) < 300
    labels.set_label(root, "p", "lost", "1" * 64)
    with pytest.raises(NotFoundError, match="is not on this machine"):
        libraries.get("p@lost")


def test_labels_survive_a_clone(root: Path, tmp_path: Path) -> None:
    repository(root)
    put(root, "sub/p", "one")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one", at=1)
    put(root, "sub/p", "two")
    labels.set_label(root, "sub/p", "production", version("one"))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two", at=2)
    git(tmp_path, "clone", "-q", str(root), "clone")
    clone = library(tmp_path / "clone")
    assert text(clone, "sub/p@production") == "one"
    assert text(clone, f"sub/p@{version('one')[:6]}") == "one"
    assert not Versions().path.exists()


def test_what_only_ran_is_found_by_its_whole_hash_or_a_label(root: Path) -> None:
    put(root, "p", "now")
    asked = []

    def ran(wanted: str) -> bytes | None:
        asked.append(wanted)
        return body("then") if wanted == version("then") else None

    libraries = Libraries([Library("lib", root)], ran)
    with pytest.raises(NotFoundError):
        libraries.get(f"p@{version('then')[:12]}")
    assert asked == []
    assert text(libraries, f"p@{version('then')}") == "then"
    labels.set_label(root, "p", "old", version("then"))
    assert text(libraries, "p@old") == "then"
    # Results keep pointing at the versions that made them, also after a rename.
    assert text(libraries, f"old/name@{version('then')}") == "then"


def test_a_deleted_prompts_versions_stay_within_reach(root: Path) -> None:
    save(root, "p", "one")
    (root / "p.toml").unlink()
    Versions().deleted(root, "p", body("two"), version("two"))
    libraries = library(root)
    assert text(libraries, f"p@{version('one')[:8]}") == "one"
    save(root, "p", "another prompt")
    assert text(libraries, f"p@{version('two')[:8]}") == "two"
    with pytest.raises(NotFoundError, match="there is no prompt"):
        libraries.get("mail me at a@b.example")


def test_several_that_begin_so_are_named(root: Path) -> None:
    found: dict[str, str] = {}
    number = 0
    while True:
        said = f"text {number}"
        number += 1
        if (other := found.setdefault(version(said)[:4], said)) != said:
            break
    save(root, "p", other, said, "last")
    with pytest.raises(UsageError, match="2 versions") as caught:
        library(root).get(f"p@{version(said)[:4]}")
    assert version(said)[:12] in str(caught.value)
    assert version(other)[:12] in str(caught.value)
    assert text(library(root), f"p@{version(said)[:12]}") == said


def test_a_bad_present_file_hides_no_earlier_version(root: Path) -> None:
    save(root, "p", "one")
    labels.set_label(root, "p", "good", version("one"))
    (root / "p.toml").write_text("kind = ")
    assert text(library(root), "p@good") == "one"
    with pytest.raises(PromptError):
        library(root).get("p")


def test_errors_name_the_line_in_the_old_text(root: Path) -> None:
    data = b'kind = "system"\ntext = """\n\n{{nobody}}\n"""\n'
    Versions().record(root, "p", data, parse(data, id="p").version)
    bad = b'kind = "system"\n\n\nbroken'
    Versions().record(root, "p", bad, "")
    put(root, "p", "now")
    old = library(root).get(f"p@{parse(data, id='p').version[:8]}")
    with pytest.raises(FileError) as caught:
        lead(old, {})
    assert caught.value.problem.line == 4
    with pytest.raises(FileError) as caught:
        library(root).get(f"p@{digest(bad)[:8]}")
    assert f"p.toml@{digest(bad)[:8]}:4" in str(caught.value)


def test_saves_and_commits_in_one_list_with_their_labels(root: Path) -> None:
    repository(root)
    put(root, "p", "one")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "committed one", at=1)
    save(root, "p", "two")
    put(root, "p", "three")
    labels.set_label(root, "p", "production", version("one"))
    rows = timeline(Versions(), Library("lib", root), "p")
    assert [(row.source, row.author, row.note, row.version, row.labels) for row in rows] == [
        ("workbench", "", UNSAVED, version("three"), ()),
        ("workbench", "Ada", "", version("two"), ()),
        ("git", "Ada", "committed one", version("one"), ("production",)),
    ]
    past = Past(Versions(), root, "p")
    assert [past.data(row) for row in past.rows] == [body("three"), body("two"), body("one")]
    assert past.present == body("three")
    (root / "p.toml").unlink()
    assert len(timeline(Versions(), Library("lib", root), "p")) == 2
    assert timeline(Versions(), Library("lib", root), "nothing") == []


def test_a_bad_version_in_between_is_a_row_too(root: Path) -> None:
    repository(root)
    (root / "p.toml").write_bytes(b"\xff broken")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "broken", at=1)
    put(root, "p", "mended")
    git(root, "commit", "-qam", "mended", at=2)
    rows = timeline(Versions(), Library("lib", root), "p")
    assert [row.version for row in rows] == [version("mended"), ""]
    assert rows[0].parent == rows[1].blob == digest(b"\xff broken")


def test_the_present_version_asks_neither_sqlite_nor_git(root: Path) -> None:
    put(root, "p", "one")
    labels.set_label(root, "p", "production", version("one"))
    script = (
        "import sys\nfrom pathlib import Path\nfrom workbench.library.library import Libraries, Library\n"
        "libraries = Libraries([Library('lib', Path(sys.argv[1]))])\n"
        "for ref in ('', '@' + sys.argv[2][:4], '@production'): libraries.get('p' + ref)\n"
        "print(sorted({'sqlite3', 'subprocess', 'workbench.library.git'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", script, str(root), version("one")]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "[]\n"
