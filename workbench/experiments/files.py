"""Experiment files: TOML in, a checked `Experiment` out, or one line that says file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from workbench.errors import NotFoundError, UsageError
from workbench.experiments.casefile import SUFFIXES, open_cases
from workbench.experiments.cases import Case, Cases, Columns, Inline, make_case, read_case, values_of
from workbench.experiments.checks.model import Check
from workbench.experiments.checks.reading import of_case, read_all
from workbench.experiments.grid import MOST, SEED, Grid, PlannedVariant, expanded, read_grid
from workbench.inference.engine import Mode
from workbench.library.prompt import Prompt, sampling_of
from workbench.library.reader import MAX_BYTES, Problem, Reader, clipped, load

SCHEMA = 1
KIND = "experiment"
MODES = ("fast", "strict")
STOPS = ("never", "decided")
REPEATS = 10_000
SEEDS = 2**32


@dataclass(frozen=True)
class Budget:
    """Where the run ends by itself; None = no limit. `time` in seconds, `tokens` generated, `trials` made."""

    time: float | None = None
    tokens: int | None = None
    trials: int | None = None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment file.

    `variants` are expanded: the hand-written ones times `[grid]`. `inline` are its own cases; `case_file` names others,
    relative to `path`, with `columns`. `checks` go for all cases, before a case's own; `threshold` is the least score
    of a trial that passes, None = each of its checks must. `stop` "decided" ends it when the verdict stands, with
    `delta` the least difference that matters (0…1); then the cases are `shuffle`d, for a file may be sorted. `baseline`
    is the label that the others are compared with, "" for every pair.
    """

    variants: tuple[PlannedVariant, ...]
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    grid: Grid = field(default_factory=Grid)
    message: str = ""
    inline: tuple[Case, ...] = ()
    case_file: str = ""
    columns: Columns = field(default_factory=Columns)
    delimiter: str = ""
    repeats: int = 1
    seed: int = 1
    checks: tuple[Check, ...] = ()
    threshold: float | None = None
    mode: Mode = "fast"
    coupled: bool = True
    shuffle: bool = False
    budget: Budget = field(default_factory=Budget)
    stop: Literal["never", "decided"] = "never"
    delta: float = 0.1
    baseline: str = ""
    schema: int = SCHEMA
    path: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    source: bytes = field(default=b"", repr=False, compare=False)

    @property
    def read_only(self) -> bool:
        """Written by a newer workbench: it runs, but must not be edited here."""
        return self.schema > SCHEMA

    def cases(self) -> Cases:
        """Its cases; a case file is read now. Raises NotFoundError, FileError."""
        if not self.case_file:
            return Inline(self.inline)
        folder = self.path.parent if self.path else Path()
        return open_cases(folder / self.case_file, self.columns, message=self.message, delimiter=self.delimiter)


def open_experiment(path: Path) -> Experiment:
    """The experiment of a file. Raises NotFoundError, UsageError, FileError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint="name an experiment's TOML file") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"it cannot be read ({said})", where=str(path)) from None
    return parse(data, path)


def parse(data: bytes, path: Path | None = None) -> Experiment:
    """An experiment from a file's bytes. Raises FileError: `FILE:LINE key: what is wrong — what to do`."""
    table, source = load(data, str(path or "experiment.toml"))
    reader = Reader(table, source, str(path or "experiment.toml"))
    schema = reader.take("schema", int, SCHEMA, "a number")
    if schema < 1:
        raise reader.error("schema", f"schema = {clipped(schema)} is unknown", f"schema = {SCHEMA}")
    kind = reader.text("kind", None)
    if kind != KIND:
        hint = "a prompt is no experiment: [[variants]] name it" if kind in ("system", "chat", "association") else ""
        raise reader.error("kind", f"kind = {clipped(kind)} is unknown", hint or f'kind = "{KIND}"')
    message = reader.text("message")
    grid = read_grid(reader.child("grid"))
    inline, case_file = _cases(reader, message)
    found = Experiment(
        title=reader.text("title", path.stem if path else ""),
        description=reader.text("description").strip(),
        tags=reader.texts("tags"),
        variants=_variants(reader, grid),
        grid=grid,
        message=message,
        inline=inline,
        case_file=case_file,
        columns=_columns(reader.child("columns")),
        delimiter=_delimiter(reader),
        repeats=_whole(reader, "repeats", 1, 1, REPEATS),
        seed=_whole(reader, SEED, 1, 0, SEEDS - 1),
        checks=read_all(reader.tables("checks")),
        threshold=_share(reader, "threshold", None),
        mode=_choice(reader, "mode", MODES),
        coupled=reader.take("coupled", bool, True, "true or false"),
        budget=_budget(reader.child("budget")),
        stop=(stop := _choice(reader, "stop", STOPS)),
        shuffle=reader.take("shuffle", bool, stop == "decided", "true or false"),
        delta=_share(reader, "delta", 0.1) or 0.0,
        baseline=reader.text("baseline"),
        schema=schema,
        path=path,
        extra=reader.left,
        warnings=reader.misspelled(),
        source=data,
    )
    _fits(reader, found)
    return found


def of_prompts(prompts: Sequence[Prompt], model: str = "", **given: Any) -> Experiment:
    """The experiment that prompts' own cases are: a variant for each, the cases of the first with their checks.

    `given` are fields of Experiment. Raises FileError for a bad check, UsageError when there is no case.
    """
    first = prompts[0]
    if not first.cases:
        raise UsageError(f"{first.id} has no cases", hint="add [[cases]] with a message and checks")
    cases = tuple(
        make_case(
            at + 1,
            "" if case.name == f"case {at + 1}" else case.name,
            dict(case.variables),
            case.message,
            "",
            checks=of_case(first, at),
        )
        for at, case in enumerate(first.cases)
    )
    variants = [PlannedVariant("", prompt.id, model) for prompt in prompts]
    return Experiment(title=first.title, inline=cases, variants=expanded(variants, Grid()), path=first.path, **given)


def _variants(reader: Reader, grid: Grid) -> tuple[PlannedVariant, ...]:
    """What stands in [[variants]], on what the file says for all of them, times the grid."""
    base = PlannedVariant(
        "",
        reader.text("prompt"),
        reader.text("model"),
        _sampling(reader.child("sampling")),
        values_of(reader.child("variables")),
        reader.text("profile"),
    )
    tables = reader.tables("variants")
    made = [_variant(each, base, grid) for each in tables] if tables else [base]
    if len(made) * grid.size > MOST:
        raise reader.error("variants", f"{len(made) * grid.size:,} variants", f"at most {MOST:,}")
    labels = [variant.label for variant in made]
    for each, label in zip(tables, labels, strict=False):
        if label and labels.count(label) > 1:
            raise each.error("label", f"two variants are called {clipped(label)}", "give each its own label")
    return expanded(made, grid)


def _variant(reader: Reader, base: PlannedVariant, grid: Grid) -> PlannedVariant:
    label = reader.text("label").strip()
    if len(label) > 40 or not label.isprintable():
        raise reader.error("label", "the label is too long, or has a line end", "up to 40 characters")
    settings = reader.child("sampling")
    sampling = _sampling(settings)
    for name in grid.axes:
        if name in sampling or name in reader.table:
            place = settings if name in sampling else reader
            raise place.error(name, f"both the variant and [grid] set {name}", "take it out of one of them")
    return PlannedVariant(
        label,
        reader.text("prompt", base.prompt),
        reader.text("model", base.model),
        {**base.sampling, **sampling},
        {**base.variables, **values_of(reader.child("variables"))},
        reader.text("profile", base.profile),
    )


def _sampling(reader: Reader) -> dict[str, Any]:
    if SEED in reader.table:
        raise reader.error(SEED, "a variant has no seed of its own: all get the same ones", "seed = 1 at the top")
    return sampling_of(reader)


def _cases(reader: Reader, message: str) -> tuple[tuple[Case, ...], str]:
    """The inline cases, or the case file's name; an experiment with a message alone has one case."""
    value = reader.table.get("cases")
    if isinstance(value, str):
        name = reader.text("cases")
        if Path(name).suffix.lower() not in SUFFIXES:
            raise reader.error("cases", f"{clipped(name)} is no format of cases", ", ".join(SUFFIXES))
        return (), name
    tables = reader.tables("cases")
    if not tables and not message:
        raise reader.error("cases", "an experiment needs [[cases]]", 'or cases = "file.csv", or a message')
    if not tables:
        return (make_case(1, "", {}, message, ""),), ""
    return tuple(read_case(each, number, message) for number, each in enumerate(tables, 1)), ""


def _columns(reader: Reader) -> Columns:
    """`[columns]`: the column for each field, and `variables` by name."""
    known = {each.name: each for each in fields(Columns) if each.name not in ("variables", "given")}
    names: dict[str, Any] = {}
    for name in known:
        key = "messages" if name == "history" else name
        if text := reader.text(key):
            names[name] = text
    variables = reader.child("variables")
    chosen = {name: variables.text(name) for name in variables.table} if "variables" in reader.table else None
    return Columns(**names, variables=chosen, given=frozenset(names))


def _budget(reader: Reader) -> Budget:
    made: dict[str, Any] = {}
    for each in fields(Budget):
        kind = float if each.name == "time" and isinstance(reader.table.get("time"), float) else int
        value = reader.take(each.name, kind, None, "a number" if each.name == "time" else "a whole number")
        if value is not None and not 0 < value < 2**53:
            raise reader.error(each.name, f"{each.name} = {clipped(value)} is out of range", "more than 0")
        made[each.name] = value
    return Budget(**made)


def _delimiter(reader: Reader) -> str:
    value = reader.text("delimiter")
    if len(value) > 1 or value in ('"', "\n", "\r"):
        raise reader.error("delimiter", f"delimiter = {clipped(value)} is no separator", 'one character, such as ";"')
    return value


def _whole(reader: Reader, key: str, default: int, low: int, high: int) -> int:
    value = reader.take(key, int, default, "a whole number")
    if not low <= value <= high:
        raise reader.error(key, f"{key} = {clipped(value)} is out of range", f"from {low:,} to {high:,}")
    return int(value)


def _share(reader: Reader, key: str, default: float | None) -> float | None:
    reader.asked.append(key)
    value = reader.left.pop(key, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1):
        raise reader.error(key, f"{key} = {clipped(value)} is no share", "from 0 to 1")
    return value


def _choice(reader: Reader, key: str, known: tuple[str, ...]) -> Any:
    value = reader.text(key, known[0])
    if value not in known:
        raise reader.error(key, f"{key} = {clipped(value)} is unknown", f"{' or '.join(known)}")
    return value


def _fits(reader: Reader, found: Experiment) -> None:
    """What no single key tells."""
    labels = [variant.label for variant in found.variants]
    for label in labels:
        if labels.count(label) > 1:
            raise reader.error("variants", f"two variants are called {clipped(label)}", "give each its own label")
    if found.baseline and found.baseline not in labels:
        near = difflib.get_close_matches(found.baseline[:60], labels, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(labels[:12])}"
        raise reader.error("baseline", f"{clipped(found.baseline)} is no variant", hint)
    if found.stop == "decided" and len(labels) < 2:
        raise reader.error("stop", "there is nothing to decide between: it has one variant", "add [[variants]]")
    if not found.delta:
        raise reader.error("delta", "delta = 0 is never reached", "such as 0.1: 10 points")
    if found.columns != Columns() and not found.case_file:
        raise reader.error("columns", "[columns] goes with a case file", 'cases = "file.csv"')
