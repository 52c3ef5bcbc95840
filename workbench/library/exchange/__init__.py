"""Prompts of other programs, both ways: a module a format, with `read` and `write`. Nothing of theirs is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import PromptError, UsageError
from workbench.library.exchange.parts import Draft, Exported, Imported, Source, text_of
from workbench.library.exchange.slots import RefusedError

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt, Variable

FORMATS = {
    "messages": "OpenAI and Hugging Face messages, JSON or JSONL",
    "promptfoo": "promptfoo YAML",
    "llm": "templates of the llm command",
    "dotprompt": "dotprompt (.prompt)",
    "prompty": "Prompty (.prompty)",
    "fabric": "fabric patterns (a folder with system.md)",
    "markdown": "plain Markdown",
}
_SUFFIXES = {
    ".json": "messages",
    ".jsonl": "messages",
    ".prompt": "dotprompt",
    ".prompty": "prompty",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
}


def import_file(path: Path, format: str = "") -> Imported:
    """The prompts of a foreign file, or of a folder of fabric patterns, as tables in our schema.

    Each was parsed as a prompt file is. What could not be carried stands in `dropped`, prompts that were refused in
    `refused`, a line each. Raises NotFoundError, UsageError (which format?) or PromptError (nothing can be read).
    """
    format = _known(format) if format else ""
    if path.is_dir():
        return _folder(path, format)
    source = Source(path, text_of(path))
    return _checked(source, format or _guess(source))


def export_prompt(prompt: Prompt, format: str) -> Exported:
    """The prompt in another program's format; what it has no place for stands in `dropped`. Raises PromptError."""
    _known(format)
    if prompt.kind == "association":
        hint = "export a system or a chat prompt"
        raise RefusedError(f"{prompt.id}: an association template has no like in {format}", "", hint)
    if prompt.template == "jinja" and format != "prompty":
        raise RefusedError(f"{prompt.id}: jinja templates go to prompty only", "", "--to prompty")
    write: Callable[[Prompt], Exported] = importlib.import_module(f"{__name__}.{format}").write
    try:
        return write(prompt)
    except RefusedError as error:
        raise RefusedError(f"{error.what} cannot be written for {format}", hint=error.hint) from None


def _known(format: str) -> str:
    if format not in FORMATS:
        raise UsageError(f"{format} is no format", hint=f"one of {', '.join(FORMATS)}")
    return format


def _guess(source: Source) -> str:
    """The format, by the file's name and its keys. Raises UsageError."""
    path = source.path
    if path.name in ("system.md", "user.md"):
        return "fabric"
    if path.suffix.lower() == ".json" and _is_config(source.text):
        return "promptfoo"
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    if path.suffix.lower() in (".yaml", ".yml"):
        from workbench.library.exchange.yamls import load

        table = load(source.text, source)
        if isinstance(table, dict):
            if table.keys() & {"prompts", "tests", "providers"}:
                return "promptfoo"
            if table.keys() & {"prompt", "system"}:
                return "llm"
        elif isinstance(table, str):
            return "llm"
    raise UsageError("which format is it?", where=str(path), hint=f"--from {'|'.join(FORMATS)}")


def _is_config(text: str) -> bool:
    """Whether JSON is promptfoo's configuration and no conversation."""
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "prompts" in data and "messages" not in data


def _folder(path: Path, format: str) -> Imported:
    """A fabric pattern, or a folder of them."""
    if format not in ("", "fabric"):
        raise UsageError(f"a folder is no {format} file", where=str(path), hint="name the file")
    try:
        one = (path / "system.md").is_file()
        found = [path] if one else sorted(each for each in path.iterdir() if (each / "system.md").is_file())
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=str(path)) from error
    if not found:
        raise UsageError("no fabric pattern in it", where=str(path), hint="a folder with system.md, or name a file")
    made = Imported()
    for folder in found:
        file = folder / "system.md"
        if not file.resolve().is_relative_to(path.resolve()):
            made.refused.append(f"{file}: a link that leads out of the folder is not followed")
            continue
        try:
            pattern = _checked(Source(file, text_of(file)), "fabric")
        except (PromptError, UsageError) as error:
            made.refused.append(str(error))
            continue
        made.drafts += pattern.drafts
        made.dropped += pattern.dropped
        made.refused += pattern.refused
    return made


def _checked(source: Source, format: str) -> Imported:
    """Read by the format's module; each prompt parsed and composed as ours."""
    from workbench.library.compose import compose
    from workbench.library.prompt import parse
    from workbench.library.template import lead

    read: Callable[[Source], list[Draft]] = importlib.import_module(f"{__name__}.{format}").read
    made = Imported()
    for draft in read(source):
        made.dropped += [f"{source.path}: {draft.id}: {line}" for line in draft.dropped]
        if draft.refused is not None:
            made.refused.append(str(draft.refused))
            continue
        try:
            prompt = parse(compose(draft.table).encode(), id=draft.id, path=source.path)
            if prompt.template == "jinja":
                lead(prompt, {name: _sample(slot) for name, slot in prompt.variables.items()})
        except UnicodeEncodeError:
            made.refused.append(f"{source.path} ({draft.id}): half of a surrogate pair is no text")
            continue
        except RecursionError:
            made.refused.append(f"{source.path} ({draft.id}): a value is nested too deep")
            continue
        except PromptError as error:
            made.refused.append(str(PromptError(error.what, where=f"{source.path} ({draft.id})", hint=error.hint)))
            continue
        made.drafts.append(draft)
    if not made.drafts and not made.refused:
        raise PromptError("no prompt in it", where=str(source.path))
    return made


def _sample(slot: Variable) -> object:
    """A value that the variable may have."""
    if slot.default is not None:
        return slot.default
    return slot.choices[0] if slot.choices else {"int": 1, "float": 1.0, "bool": True}.get(slot.type, "x")
