"""Where experiment files are: here, the person's own, those that ran, those that ship. And where a new one goes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError, UsageError
from workbench.experiments.files import Experiment, open_experiment
from workbench.experiments.plan import Plan
from workbench.files import atomic_write
from workbench.history import experiments as history
from workbench.history.store import Store

HERE, MINE, RAN, SHIPPED = "here", "mine", "ran", "example"
MOST = 2000  # files of one folder that are listed
_HEAD = 64 * 1024  # bytes in which a title is looked for


@dataclass(frozen=True)
class Entry:
    """A file on the shelf. `place` is one of HERE, MINE, RAN, SHIPPED; `title` is "" where none can be read."""

    path: Path
    place: str
    title: str

    @property
    def name(self) -> str:
        """As `workbench run NAME` takes it."""
        return self.path.stem


@dataclass(frozen=True)
class Planned:
    """An experiment with its plan. `cases` and `trials` are counts."""

    experiment: Experiment
    cases: int
    trials: int


def folders() -> list[tuple[str, Path]]:
    """The folders that are looked into, nearest first."""
    return [
        (HERE, Path("experiments").absolute()),
        (MINE, paths.data_dir() / "experiments"),
        (SHIPPED, paths.shipped("experiments")),
    ]


def entries(store: Store) -> list[Entry]:
    """All files, nearest first, by name within a place; each once. Reads the titles: call it off the loop."""
    known: dict[Path, Entry] = {}
    ran = [path for text in history.files(store) if (path := Path(text)).is_file()]
    by_place = {place: _files(folder) for place, folder in folders()}
    shipped = {path.resolve() for path in by_place[SHIPPED]}
    for place in (HERE, MINE, RAN, SHIPPED):
        for path in sorted(ran if place == RAN else by_place[place]):
            key = path.resolve()
            if key not in known and not (place == RAN and key in shipped):
                known[key] = Entry(path, place, _title(path))
    return list(known.values())


def planned(path: Path) -> Planned:
    """The file read and its trials counted. Reads its cases: call it off the loop. Raises as `open_experiment`."""
    experiment = open_experiment(path)
    plan = Plan(experiment, experiment.cases())
    return Planned(experiment, len(plan.cases), len(plan))


def find(name: str) -> Path:
    """The file that is named: a path, or the name of one in our folders (`wording`)."""
    path = Path(name).expanduser()
    if path.exists() or path.name != name:
        return path
    named = (folder / f"{name}.toml" for _, folder in folders())
    return next((each for each in named if each.is_file()), path)


def home() -> Path:
    """Where new files go: the experiments or beside the prompts of the folder one is in, else the person's own."""
    here = Path("experiments").absolute()
    return here if here.is_dir() or Path("prompts").is_dir() else paths.data_dir() / "experiments"


def save_new(name: str, text: str) -> Path:
    """A new file of that name in `home()`. Raises UsageError, StorageError."""
    plain = name.strip().removesuffix(".toml")
    if not re.fullmatch(r"[\w][\w .-]{0,99}", plain):
        raise UsageError(f"{name!r} is no file's name", hint="letters, digits, - and _")
    path = home() / f"{plain}.toml"
    if path.exists():
        raise UsageError(f"{path} is there already", hint="take another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError("the folder cannot be made", where=str(path.parent), hint=str(error)) from error
    atomic_write(path, text.encode())
    return path


def _files(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.glob("*.toml") if path.is_file()]
    except OSError:
        return []
    return found[:MOST]


def _title(path: Path) -> str:
    """Its title by a look at its head; the whole file is read when one comes to it."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
    line = re.search(r"^title\s*=.*$", head.partition("\n[")[0], re.MULTILINE)
    try:
        return str(tomllib.loads(line.group())["title"]) if line else ""
    except (tomllib.TOMLDecodeError, KeyError):
        return ""


NEW = """\
schema = 1
kind = "experiment"
title = "{title}"
repeats = 1

[[variants]]
label = "plain"
prompt = "system/plain"

[[variants]]
label = "steps"
prompt = "system/step-by-step"

[[cases]]
message = "What is 17 + 25?"
checks = [{{ type = "contains", value = "42" }}]
"""


def template(title: str) -> str:
    """A file to begin with: two prompts, a case, a check."""
    quoted = title.replace("\\", "").replace('"', "'")
    return NEW.format(title=quoted)
