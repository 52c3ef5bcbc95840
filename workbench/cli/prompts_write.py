"""`workbench prompts new|copy|move|rm|edit`: prompts made and changed, headless."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.cli.verbs import Verb, libraries_of
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from workbench.library.manage import Manager
    from workbench.library.writing import Working

_TEXTS = ("title", "description", "text", "content", "role", "user", "assistant", "name", "message", "kind", "template")


def add(verb: Verb) -> None:
    """Add the verbs."""
    made = verb("new", "make a prompt: system, chat or association", new)
    made.add_argument("kind", choices=("system", "chat", "association"))
    made.add_argument("id", help="such as system/my-prompt")
    made.add_argument("--to", metavar="LIBRARY", default="", help="the library it goes to (else the nearest)")
    made.add_argument("--file", metavar="FILE", help="its TOML (- = stdin); else a beginning to fill in")
    for name, help, func in (
        ("copy", "copy a prompt (one of the shipped library too)", copy),
        ("move", "rename or move a prompt; history and labels go with it", move),
    ):
        made = verb(name, help, func)
        made.add_argument("id")
        made.add_argument("new_id", metavar="new-id")
        made.add_argument("--to", metavar="LIBRARY", default="", help="another library")
    verb("rm", "delete prompts; `prompts restore ID` brings them back", remove).add_argument("id", nargs="+")
    made = verb("edit", "change a prompt: in $EDITOR, by --set, or from a file; a version is saved", edit)
    made.add_argument("id")
    made.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="such as title=… or sampling.top_k=20"
    )
    made.add_argument("--file", metavar="FILE", help="the whole new TOML (- = stdin)")
    made.add_argument("--note", default="", help="kept with the version")


def _manager(options: argparse.Namespace) -> Manager:
    from workbench.library.manage import Manager
    from workbench.library.versions import Versions

    return Manager(libraries_of(options), Versions())


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=name) from error


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("not UTF-8 text", where=name, hint="save it as UTF-8") from None


def _told(options: argparse.Namespace, id: str, path: Path, version: str) -> int:
    """Say where it is now."""
    if options.json:
        output.print_json({"id": id, "path": str(path), "version": version or None})
    else:
        print(safe.line(f"{id}@{version[:8]}  {path}" if version else f"{id}  {path}"))
    return Exit.OK


def new(options: argparse.Namespace) -> int:
    """Make a prompt."""
    from workbench.library.manage import check_id
    from workbench.library.prompt import parse

    id = check_id(options.id)
    text = _text(_read(options.file), options.file) if options.file else ""
    if text:
        parse(text.encode(), id=id, path=Path(options.file))  # what cannot run is not made
    path = _manager(options).create(options.kind, id, library=options.to, text=text)
    return _told(options, id, path, _version(path, id))


def _version(path: Path, id: str) -> str:
    from workbench.library.writing import version_of

    return version_of(path.read_bytes(), id)


def _split(reference: str) -> tuple[str, str]:
    """The library that a reference names ("" for the nearest), and the id."""
    library, colon, id = reference.partition(":")
    return (library, id) if colon else ("", reference)


def copy(options: argparse.Namespace) -> int:
    """Copy a prompt."""
    library, id = _split(options.id)
    path = _manager(options).duplicate(id, options.new_id, library=library, to=options.to)
    return _told(options, options.new_id, path, _version(path, options.new_id))


def move(options: argparse.Namespace) -> int:
    """Rename or move a prompt."""
    library, id = _split(options.id)
    path = _manager(options).move(id, options.new_id, library=library, to=options.to)
    return _told(options, options.new_id, path, _version(path, options.new_id))


def remove(options: argparse.Namespace) -> int:
    """Delete prompts."""
    manager = _manager(options)
    for reference in options.id:
        library, id = _split(reference)
        manager.delete(id, library=library)
        if not options.json:
            output.narrate(f"deleted {id}: workbench prompts restore {id} brings it back")
    if options.json:
        output.print_json([{"id": _split(reference)[1], "deleted": True} for reference in options.id])
    return Exit.OK


def edit(options: argparse.Namespace) -> int:
    """Change a prompt and save it as a version."""
    from workbench.library.versions import Versions
    from workbench.library.writing import Writer

    if options.set and options.file:
        raise UsageError("--set and --file do not go together", hint="choose one")
    writer = Writer(libraries_of(options), Versions())
    library, id = _split(options.id)
    working = writer.open(id, library)
    if working.drafted and not options.json:
        output.narrate(f"an unsaved edit of {working.drafted[:16]} UTC is taken up")
    working.text = _changed(options, working)
    if not working.changed:
        output.narrate(f"{id}: unchanged")
        return _told(options, id, working.path, _version(working.path, id))
    writer.keep(working)  # a save that fails leaves it as a draft
    saved = writer.save(working, options.note)
    if saved.copied:
        output.narrate(f"the shipped library is not written to: your copy is in {saved.library.name}")
    if not saved.version:
        output.narrate(f"saved with errors, it does not run: workbench prompts check {id}")
    return _told(options, id, saved.path, saved.version)


def _changed(options: argparse.Namespace, working: Working) -> str:
    from workbench.library.lineends import shown

    if options.file:
        return _text(_read(options.file), options.file).replace("\r\n", "\n")
    if options.set:
        from workbench.library.edit import edited

        text = working.text
        for pair in options.set:
            path, value = _setting(pair, text)
            text = edited(text, {path: value})
        return text
    from workbench.external import edited as in_editor

    if not sys.stdin.isatty():
        raise UsageError("no terminal for an editor", hint="--set KEY=VALUE or --file FILE changes it headless")
    return shown(in_editor(f"{working.id.rsplit('/', 1)[-1]}.toml", working.data))


def _setting(pair: str, text: str) -> tuple[tuple[str | int, ...], Any]:
    """The path and the value of `a.0.b=VALUE`: text for keys that hold text, else TOML where it is; "" takes it out."""
    name, sign, value = pair.partition("=")
    if not sign or not name:
        raise UsageError(f"{pair} sets nothing", hint="--set KEY=VALUE, such as title=New or messages.0.content=Hello")
    path = tuple(int(part) if part.isdigit() else part for part in name.split("."))
    if value == "" and path[-1] not in _TEXTS:
        return path, None
    if path[-1] in _TEXTS or isinstance(_present(text, path), str):
        return path, value
    try:
        return path, tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        return path, value


def _present(text: str, path: tuple[str | int, ...]) -> Any:
    try:
        found: Any = tomllib.loads(text)
        for part in path:
            found = found[part]
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return None
    return found
