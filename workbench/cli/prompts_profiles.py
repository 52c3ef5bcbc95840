"""`workbench prompts profiles|profile|schema`, and prompts rendered as a model is given them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import given, output
from workbench.cli.verbs import Verb
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from workbench.library.profiles import Profile
    from workbench.library.prompt import Prompt


def add(verb: Verb) -> None:
    """Add the verbs."""
    verb("profiles", "profiles of custom instructions: about me, how to answer", list_profiles)
    one = verb("profile", "show a profile of custom instructions; with --about or --answer write it", profile)
    one.add_argument("name", help="its name, or a .toml file")
    one.add_argument("--about", metavar="TEXT", help="what a model should know of you (- reads stdin)")
    one.add_argument("--answer", metavar="TEXT", help="how it should answer (- reads stdin)")
    one.add_argument("--title", metavar="TEXT", help="a line for the list")
    verb("schema", "the JSON Schema of prompt files, for editors", schema)


def add_rendered(parser: argparse.ArgumentParser) -> None:
    """The options of `prompts show` that render it."""
    parser.add_argument("--rendered", action="store_true", help="the messages as a model is given them")
    parser.add_argument("--profile", metavar="NAME", help="with these custom instructions (means --rendered)")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=V", help="a value for a {{name}}")


def list_profiles(options: argparse.Namespace) -> int:
    """Print every profile; a bad file is a row with its error."""
    from workbench.library.profiles import listing

    rows = listing()
    if options.json:
        output.print_json([document(row.profile) if row.profile else _bad(row.name, row.problem) for row in rows])
        return Exit.OK
    columns = output.width()
    wide = min(34, columns // 2, max((output.cells(safe.line(row.name)) for row in rows), default=0))
    for row in rows:
        head = output.pad(output.clip(safe.line(row.name), wide), wide)
        if row.profile is None:
            print(
                output.clip(f"{head}  ----  bad file: {safe.line(row.problem.problem if row.problem else '')}", columns)
            )
        else:
            print(output.clip(f"{head}  {row.profile.version[:4]}  {safe.line(row.profile.title)}", columns))
    if not rows:
        output.narrate("no profiles; `workbench prompts profile NAME --about TEXT --answer TEXT` makes one")
    return Exit.OK


def profile(options: argparse.Namespace) -> int:
    """Print one profile, after it was written when a text is given."""
    given = {"about_me": options.about, "how_to_answer": options.answer, "title": options.title}
    texts = {name: text for name, text in given.items() if text is not None}
    found = _write(options.name, texts) if texts else _find(options.name)
    if options.json:
        output.print_json(document(found))
        return Exit.OK
    if texts:
        output.narrate(f"saved {found.label} in {found.path}")
    print(safe.line(f"{found.label}  {found.path}"))
    print(safe.line(found.title))
    for title, text in (("about me", found.about_me), ("how to answer", found.how_to_answer)):
        print(f"── {title}")
        print(safe.text(text).rstrip("\n"))
    return Exit.OK


def _find(name: str) -> Profile:
    from workbench.library.profiles import find

    return find(name)


def _write(name: str, texts: dict[str, str]) -> Profile:
    from workbench.library.profiles import drafted, find, fresh, path_of, save

    if list(texts.values()).count("-") > 1:
        raise UsageError("stdin can be one text only", hint="give the other one as text")
    texts = {key: given.typed(text) for key, text in texts.items()}
    before = find(name) if name.endswith(".toml") or path_of(name).exists() else fresh(name)
    kept = {"title": before.title, "about_me": before.about_me, "how_to_answer": before.how_to_answer}
    return save(drafted(before, **{**kept, **texts}))


def document(found: Profile) -> dict[str, Any]:
    """A profile as one JSON document."""
    return {
        "name": found.name,
        "title": found.title,
        "version": found.version,
        "about_me": found.about_me,
        "how_to_answer": found.how_to_answer,
        "path": str(found.path),
        "error": None,
    }


def _bad(name: str, problem: object) -> dict[str, Any]:
    nothing = dict.fromkeys(("title", "version", "about_me", "how_to_answer", "path"))
    return {"name": name, **nothing, "error": str(problem)}


def rendered(prompt: Prompt, options: argparse.Namespace) -> int:
    """Print the prompt's messages as a model is given them."""
    from workbench.library.profiles import combine, find
    from workbench.library.template import lead

    values = dict(given.pairs(options.var, "--var"))
    found = find(options.profile) if options.profile else None
    messages = combine(lead(prompt, values), found)
    if options.json:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        label = found.label if found else None
        output.print_json({"id": prompt.id, "version": prompt.version, "profile": label, "messages": turns})
        return Exit.OK
    output.narrate(f"{prompt.id}@{prompt.version[:8]}" + (f" + {found.label}" if found else ""))
    for message in messages:
        print(f"── {safe.line(message.role)}")
        print(safe.text(message.content))
    return Exit.OK


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema; it is JSON with --json and without."""
    import json

    from workbench.library.jsonschema import schema as made

    print(json.dumps(made(), ensure_ascii=False, indent=1))
    return Exit.OK
