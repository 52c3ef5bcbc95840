"""Where experiment files are found, by name and as a list; new ones, and what a look at one tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.running.house import House, prompts
from workbench import paths
from workbench.errors import NotFoundError, UsageError
from workbench.experiments.files import open_experiment
from workbench.experiments.looking import look, read
from workbench.experiments.places import Listing, copy_cases, folders, home, make, named, place_for, slug

HEAD = 'schema = 1\nkind = "experiment"\n'
PLAIN = HEAD + 'title = "{}"\nmessage = "Hello"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_nearest_of_a_name_is_found_and_all_are_listed(here: Path, tmp_path: Path) -> None:
    mine = write(paths.data_dir() / "experiments/wording.toml", PLAIN.format("Mine"))
    project = write(here / "experiments/wording.toml", PLAIN.format("Project"))
    write(here / "experiments/deep/er.toml", PLAIN.format("Deep"))
    write(here / "experiments/sums.toml", "[[cases]]\nmessage = 'no experiment'\n")
    write(here / "bad.toml", HEAD + "title = \n")
    write(here / "pyproject.toml", "[project]\nname = 'x'\n")
    write(tmp_path / "lib/prompts/a.toml", 'kind = "system"\ntext = "x"\n')
    beside = write(tmp_path / "lib/experiments/near.toml", PLAIN.format("Near"))
    known = folders([tmp_path / "lib/prompts"])
    assert named("wording", known).resolve() == project
    assert named("near", known) == beside
    assert named("deep/er", known).is_file()
    assert named("sampling-grid", known).parent == paths.shipped("experiments")
    assert named(str(mine), known) == mine
    with pytest.raises(NotFoundError):
        open_experiment(named("nothing-like-it", known))
    listing = Listing(known)
    found = listing.entries()
    told = [(entry.folder.name, entry.name, entry.title) for entry in found]
    assert told[:4] == [
        ("lib/experiments", "near", "Near"),
        ("experiments", "deep/er", "Deep"),
        ("experiments", "wording", "Project"),
        ("here", "bad", ""),
    ]
    assert ("mine", "wording", "Mine") in told
    assert [name for folder, name, _ in told if folder == "examples"] == sorted(
        path.stem for path in paths.shipped("experiments").glob("*.toml")
    )
    bad = next(entry for entry in found if entry.name == "bad")
    assert bad.problem
    assert bad.problem.line == 3
    write(project, PLAIN.format("Another title"))
    assert [entry.title for entry in listing.entries() if entry.path.resolve() == project] == ["Another title"]
    project.unlink()
    assert not [entry for entry in listing.entries() if entry.path.resolve() == project]


def test_a_new_file_goes_beside_the_prompts_or_home(here: Path) -> None:
    assert home(folders()).path == paths.data_dir() / "experiments"
    (here / "prompts").mkdir()
    folder = home(folders())
    assert folder.path.resolve() == here / "experiments"
    path = place_for(folder, "sums/wording.toml")
    make(path, b"x")
    assert (here / "experiments/sums/wording.toml").read_bytes() == b"x"
    with pytest.raises(UsageError, match="there is one"):
        place_for(folder, "sums/wording")
    with pytest.raises(UsageError, match="there is one"):
        make(path, b"y")
    for bad in ("", " ", "../up", "a//b", "/etc/x", "a\x1bb", "x" * 101):
        with pytest.raises(UsageError, match="no name"):
            place_for(folder, bad)


@given(st.text())
def test_any_text_gives_a_name_or_none(text: str) -> None:
    name = slug(text)
    assert len(name) <= 40
    assert "/" not in name
    assert not name.startswith(("-", "."))


def test_slugs() -> None:
    assert slug("What is 17 + 25?") == "what-is-17-25"
    assert slug("한국어로 답하기") == "한국어로-답하기"
    assert slug("…") == ""


def test_an_examples_cases_come_along(here: Path) -> None:
    source = paths.shipped("experiments") / "wording.toml"
    target = here / "experiments/mine.toml"
    make(target, source.read_bytes())
    copy_cases(source, "sums.csv", target)
    assert len(open_experiment(target).cases()) == len(open_experiment(source).cases())
    (here / "experiments/sums.csv").write_text("mine")
    copy_cases(source, "sums.csv", target)
    assert (here / "experiments/sums.csv").read_text() == "mine"
    with pytest.raises(UsageError, match="lie outside"):
        copy_cases(source, "../secret.csv", target)


async def test_a_look_counts_and_says_what_is_wrong(tmp_path: Path) -> None:
    house = House(tmp_path)
    prompts(tmp_path)
    path = tmp_path / "e.toml"
    good = HEAD + 'repeats = 3\nvariants = [{ prompt = "system/short" }, { prompt = "Be brief." }]\ncases = "c.csv"\n'
    write(tmp_path / "c.csv", "message\none\ntwo\n")
    found = look(good.encode(), path, house.rooms.libraries, house.find)
    assert found.runs
    assert (found.cases, found.trials, found.first) == (2, 12, ("case 1", "case 2"))
    (tmp_path / "c.csv").unlink()
    bad = good.replace("system/short", "system/shirt").replace("kind", 'model = "missing"\nrepeat = 2\nkind', 1)
    found = look(bad.encode(), path, house.rooms.libraries, house.find)
    assert not found.runs
    assert found.trials is None
    said = "\n".join(str(problem) for problem in found.problems)
    assert "c.csv" in said
    assert "no prompt" in said
    assert "system/shirt" in said
    assert "there is no model missing" in said
    assert f"{path}:3 repeat" in said
    broken = read(b'kind = "experiment"\nrepeats = 0\nmessage = "x"', path)
    assert broken.experiment is None
    assert f"{path}:2 repeats" in str(broken.problems[0])
    await house.close()
