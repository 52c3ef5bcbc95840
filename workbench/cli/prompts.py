"""`workbench prompts list|show|search|check`: the library, headless."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output, prompts_exchange, prompts_profiles, prompts_versions, prompts_write
from workbench.cli.verbs import libraries_of
from workbench.errors import Exit

if TYPE_CHECKING:
    from workbench.library.index import Card
    from workbench.library.library import Entry, Libraries
    from workbench.library.prompt import Prompt

Named = Mapping[tuple[str, str], Mapping[str, str]]  # library and id → label → version


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("prompts", help="list, show, search and check the prompt library")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, help: str, func: Any) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help)
        made.add_argument(
            "--library",
            metavar="DIR",
            action="append",
            default=[],
            help="a prompt library before all others; several: nearest first",
        )
        made.add_argument("--json", action="store_true", help="one JSON document on stdout")
        made.set_defaults(func=func)
        return made

    verb("list", "every prompt that an id can reach", list_prompts)
    one = verb("show", "one prompt, whole", show)
    one.add_argument("id", help="ID, LIBRARY:ID, ID@VERSION or a .toml file")
    prompts_profiles.add_rendered(one)
    words = verb("search", "fuzzy search; kind: tag: label: library: is:bad filter", search)
    words.add_argument("words", nargs="+")
    verb("check", "what is wrong in the files; `workbench check ID` runs a prompt's cases", check).add_argument(
        "id", nargs="*", help="all when left out"
    )
    for part in (prompts_write, prompts_versions, prompts_exchange, prompts_profiles):
        part.add(verb)


def row(card: Card, named: Named) -> dict[str, Any]:
    """A prompt as DESIGN's `prompts list` gives it; tokens need a model and are null here.

    `labels` are all that the prompt has, whichever of its versions they name.
    """
    return {
        "id": card.id,
        "kind": card.kind or None,
        "title": card.title or None,
        "tags": list(card.tags),
        "version": card.version or None,
        "labels": sorted(named.get((card.library, card.id), {})),
        "tokens": None,
        "error": card.error or None,
        "library": card.library,
        "path": card.path,
    }


def list_prompts(options: argparse.Namespace) -> int:
    """Print every prompt."""
    from workbench.library.index import Index

    libraries = libraries_of(options)
    cards, named = Index(libraries).refresh(), _named(libraries)
    if options.json:
        output.print_json([row(card, named) for card in cards])
    else:
        _table(cards, named)
        if not cards:
            output.narrate("no prompts here")
    return Exit.OK


def search(options: argparse.Namespace) -> int:
    """Print what matches, best first."""
    from workbench.library.index import Index
    from workbench.library.search import Searcher

    libraries = libraries_of(options)
    cards, named = Index(libraries).refresh(), _named(libraries)
    labels = {card.id: list(named.get((card.library, card.id), ())) for card in cards}
    found = Searcher(cards, labels).find(" ".join(options.words), limit=len(cards) or 1)
    if options.json:
        output.print_json([{**row(card, named), "score": round(score, 2)} for card, score in found])
    else:
        _table([card for card, _ in found], named)
        if not found:
            output.narrate("nothing matches; `workbench prompts list` shows what there is")
    return Exit.OK if found else Exit.NOT_FOUND


def _named(libraries: Libraries) -> Named:
    """The labels of all prompts; a bad labels.toml is said, and the rest goes on."""
    from workbench.library import labels

    found, problems = labels.of_all((library.name, library.folder) for library in libraries.libraries)
    for problem in problems:
        output.narrate(problem)
    return found


def _labelled(version: str, labels: Mapping[str, str]) -> str:
    """Labels for a row: `[production]` names its version, `[production@3f9c]` another one."""
    return " ".join(f"[{name}]" if of == version else f"[{name}@{of[:4]}]" for name, of in sorted(labels.items()))


def _table(cards: Sequence[Card], named: Named) -> None:
    columns = output.width()
    wide = min(34, columns // 2, max((output.cells(safe.line(card.id)) for card in cards), default=0))
    for card in cards:
        head = output.pad(output.clip(safe.line(card.id), wide), wide)
        if card.error:
            print(output.clip(f"{head}  ----  {'bad file':<11}  {safe.line(card.problem)}", columns))
            continue
        said = f"{card.title}  {_labelled(card.version, named.get((card.library, card.id), {}))}".rstrip()
        print(output.clip(f"{head}  {card.version[:4]}  {card.kind:<11}  {safe.line(said)}", columns))
    if any(card.error for card in cards):
        output.narrate("bad files: `workbench prompts check` says what is wrong, and where")


def show(options: argparse.Namespace) -> int:
    """Print one prompt."""
    prompt = libraries_of(options).get(options.id)
    if options.rendered or options.profile or options.var:
        return prompts_profiles.rendered(prompt, options)
    if options.json:
        output.print_json(document(prompt))
        return Exit.OK
    lines = [f"{prompt.id}@{prompt.version[:8]}  {prompt.kind}  {prompt.library or prompt.path}", prompt.title]
    if prompt.tags:
        lines.append("tags: " + ", ".join(prompt.tags))
    for line in lines:
        print(safe.line(line))
    if prompt.description:
        print(*output.wrap(prompt.description, output.width()), sep="\n")
    for title, body in _bodies(prompt):
        print(f"── {safe.line(title)}")
        print(safe.text(body).rstrip("\n"))
    return Exit.OK


def _bodies(prompt: Prompt) -> list[tuple[str, str]]:
    bodies = [("text", prompt.text)] if prompt.text else []
    bodies += [(turn.role, turn.content) for turn in prompt.messages]
    for pair in prompt.examples:
        bodies += [("example: user", pair.user), ("example: assistant", pair.assistant)]
    for slot in prompt.variables.values():
        default = "required" if slot.default is None else f"default: {slot.default}"
        bodies.append((f"variable {slot.name} ({slot.type})", f"{slot.description}\n{default}"))
    if prompt.words:
        bodies.append(("words", ", ".join(prompt.words)))
    bodies += [(f"context: {context.name}", context.text) for context in prompt.contexts]
    if prompt.sampling:
        bodies.append(("sampling", "\n".join(f"{name} = {value}" for name, value in prompt.sampling.items())))
    return bodies


def document(prompt: Prompt) -> dict[str, Any]:
    """A prompt as one JSON document."""
    from dataclasses import asdict

    made = asdict(prompt)
    del made["source"]  # the file's bytes
    made["path"] = str(prompt.path) if prompt.path else None
    return made


def check(options: argparse.Namespace) -> int:
    """Print what is wrong: broken files, templates that do not render, checks that are none, keys that look misspelled.

    Exit 2 when anything keeps a prompt from running; a likely misspelling alone is said and passes.
    """
    from workbench.library import labels
    from workbench.library.check import problems_of

    libraries = libraries_of(options)
    wanted = [_entry(libraries, name) for name in options.id] or libraries.entries()
    found = [problem for entry in wanted for problem in problems_of(entry)]
    if with_checks := [entry.prompt for entry in wanted if entry.prompt and any(c.checks for c in entry.prompt.cases)]:
        from workbench.experiments.checks import reading

        found += [problem for prompt in with_checks for problem in reading.problems_of(prompt)]
    if not options.id:
        found += [problem for library in libraries.libraries for problem in labels.problems_of(library.folder)]
    if options.json:
        names = ("file", "line", "key", "problem", "hint")  # exactly DESIGN's
        output.print_json([{name: getattr(problem, name) for name in names} for problem in found])
    else:
        for problem in found:
            print(safe.line(str(problem)))
        for entry in wanted if options.id else ():
            if entry.prompt and entry.prompt.cases:
                output.narrate(f"its {len(entry.prompt.cases)} cases are run by: workbench check {entry.prompt.id}")
        bad = len({problem.file for problem in found if problem.serious})
        output.narrate(f"{len(wanted)} checked, {bad} bad, {sum(not p.serious for p in found)} warnings")
    return Exit.USAGE if any(problem.serious for problem in found) else Exit.OK


def _entry(libraries: Libraries, reference: str) -> Entry:
    """What a person names, as an entry: a bad file is one too. Raises NotFoundError."""
    from workbench.library.library import Entry
    from workbench.library.reader import FileError

    try:
        prompt = libraries.get(reference)
    except FileError as error:
        return Entry(reference, "", Path(error.problem.file), None, str(error), error.problem)
    return Entry(prompt.id, prompt.library, prompt.path or Path(), prompt, None)
