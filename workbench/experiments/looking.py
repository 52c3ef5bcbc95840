"""A look at an experiment before it runs: how much it is, and what is wrong with it, by file and line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.experiments.files import Experiment, parse
from workbench.experiments.variants import find_prompt
from workbench.library.library import Libraries
from workbench.library.profiles import find as find_profile
from workbench.library.reader import FileError, Problem
from workbench.models.catalog import Model

FIRST = 3  # cases that are named


@dataclass(frozen=True)
class Look:
    """What was found. `experiment` is None where the file cannot be read; `cases` and `trials` where its cases cannot.

    `first` are the names of its first cases. `problems`: those that keep it from running come first.
    """

    experiment: Experiment | None
    problems: tuple[Problem, ...] = ()
    cases: int | None = None
    first: tuple[str, ...] = ()

    @property
    def trials(self) -> int | None:
        """How many trials are planned."""
        if self.experiment is None or self.cases is None:
            return None
        return self.cases * len(self.experiment.variants) * self.experiment.repeats

    @property
    def runs(self) -> bool:
        """Whether nothing keeps it from running."""
        return not any(problem.serious for problem in self.problems)


def read(data: bytes, path: Path) -> Look:
    """What the bytes alone tell: quick enough for every pause in typing."""
    try:
        experiment = parse(data, path)
    except FileError as error:
        return Look(None, (error.problem,))
    except WorkbenchError as error:
        return Look(None, (_problem(path, error),))
    return Look(experiment, experiment.warnings)


def look(
    data: bytes, path: Path, libraries: Libraries | None = None, find: Callable[[str], Model] | None = None
) -> Look:
    """The same, with its cases counted, and its prompts, profiles and models looked up.

    Reads a case file whole and asks for models: keep it off the loop.
    """
    found = read(data, path)
    experiment = found.experiment
    if experiment is None:
        return found
    problems: list[Problem] = []
    count: int | None = None
    first: tuple[str, ...] = ()
    try:
        cases = experiment.cases()
        count, first = len(cases), tuple(case.name for case in cases[:FIRST])
    except WorkbenchError as error:
        problems.append(_problem(path, error))
    variants = experiment.variants
    if libraries is not None:
        for prompt in dict.fromkeys(variant.prompt for variant in variants if variant.prompt):
            problems += _tried(path, lambda name=prompt: find_prompt(libraries, name))  # type: ignore[misc]  # bound
    for profile in dict.fromkeys(variant.profile for variant in variants if variant.profile):
        problems += _tried(path, lambda name=profile: find_profile(name))  # type: ignore[misc]  # bound
    if find is not None:
        for model in dict.fromkeys(variant.model for variant in variants):
            problems += _tried(path, lambda name=model: find(name))  # type: ignore[misc]  # bound
    return Look(experiment, (*problems, *found.problems), count, first)


def _tried(path: Path, work: Callable[[], object]) -> list[Problem]:
    try:
        work()
    except WorkbenchError as error:
        return [_problem(path, error)]
    return []


def _problem(path: Path, error: WorkbenchError) -> Problem:
    """An error of any kind as a problem of this file, or of the one it names."""
    if isinstance(error, FileError):
        return error.problem
    where = f"{error.where}: " if error.where and error.where != str(path) else ""
    return Problem(str(path), None, "", f"{where}{error.what}", error.hint)
