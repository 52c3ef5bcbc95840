"""The models on this machine, wherever people already keep them. Read only."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import EngineError, NotFoundError, WorkbenchError
from workbench.inference.remote.address import is_remote, parts
from workbench.models import facts, stores
from workbench.models.facts import Facts, FactsCache
from workbench.models.stores import STARTER, Candidate

_NAMELESS = ("model", "ggml-model", "gguf")  # names of files that say nothing


@dataclass(frozen=True)
class Model:
    """A model file. `name` is short and unique here; `size` in bytes; `error` says why it cannot be used.

    `path` is the first of `shards` files; `projector` the path of the file that lets it see; `license` as it says.
    """

    name: str
    path: str
    source: str
    architecture: str
    parameters: int
    quantization: str
    size: int
    context_length: int
    sha256: str | None = None
    error: str | None = None
    shards: int = 1
    projector: str | None = None
    chat_template: bool = False
    license: str = ""


def count(parameters: int) -> str:
    """`135M`, `7.6B`: parameters as a person says them."""
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if parameters >= unit * 0.9995:
            return f"{parameters / unit:.{1 if parameters < unit * 99.95 and name == 'B' else 0}f}{name}"
    return str(parameters)


def models() -> list[Model]:
    """Every GGUF model found, by name; a bad file is one with its error."""
    found: dict[Path, Model] = {}
    cache = FactsCache()
    for candidate in stores.candidates():
        real = candidate.path.resolve()
        if real not in found:
            found[real] = _model(candidate, cache.get)
    cache.save()
    unique = _told_apart(list(found.values()), lambda model: _place(model.path) or model.source)
    unique = _told_apart(unique, lambda model: Path(model.path).name)
    return sorted(unique, key=lambda model: (model.error is not None, model.name.lower(), model.path))


def _told_apart(models: list[Model], by: Callable[[Model], str]) -> list[Model]:
    """`models`, those of the same name told apart by what `by` says of them."""
    counts = Counter(model.name.lower() for model in models)
    return [
        replace(model, name=f"{model.name} ({by(model)})") if counts[model.name.lower()] > 1 else model
        for model in models
    ]


def _place(path: str) -> str:
    """Where a person would say it is: the hub's repository, or the folder."""
    folders = Path(path).parts[:-1]
    hub = [folder.removeprefix("models--").replace("--", "/") for folder in folders if folder.startswith("models--")]
    return hub[-1] if hub else folders[-1] if folders else ""


def describe(path: Path, source: str = "file") -> Model:
    """The model in the file at `path`, named after it. Its `error` is set when its header cannot be read."""
    found = [each for each in stores.below(source, path.parent, 0) if path in (each.path, *each.shards)]
    return _model(found[0] if found else Candidate(source, path), facts.read)


def _model(candidate: Candidate, facts_of: Callable[[Path], Facts]) -> Model:
    """Of a split model the metadata of its first file, the weights of all."""
    path, parts = candidate.path, candidate.shards or (candidate.path,)
    first = facts_of(path)
    rest = [facts_of(part) for part in parts[1:]]
    error = first.error or next((each.error for each in rest if each.error), "")
    name = candidate.name or path.stem
    if candidate.shards:
        name = name.rsplit("-", 3)[0]
        if candidate.missing:
            count = len(parts) + len(candidate.missing)
            error = f"part {candidate.missing[0]} of {count} is missing"
    kind = first.quantization
    if kind and name.lower().replace("-", "_").endswith(kind.lower()):
        name = name[: -len(kind)].rstrip(".-_ ")
    if name.lower() in _NAMELESS:  # Jan calls every file so
        name = _place(str(path)) or name
    if error:
        name, kind = candidate.name or path.stem, ""
    return Model(
        f"{name} {kind}".strip(),
        str(path),
        candidate.source,
        first.architecture,
        first.parameters + sum(each.parameters for each in rest),
        first.quantization,
        first.size + sum(each.size for each in rest),
        first.context_length,
        candidate.sha256,
        error or None,
        len(parts),
        str(candidate.projector) if candidate.projector else None,
        first.chat_template,
        first.license,
    )


def starter() -> Model | None:
    """The model that ships for a start, None when its package is not installed."""
    path = stores.starter_file()
    return describe(path, STARTER) if path else None


def find(name: str, others: Callable[[], Sequence[Model]] = tuple) -> Model:
    """The model named `name`: a path, a name, or a part that only one name has. Raises NotFoundError.

    `others` gives the models of servers; they are asked only when no file here has exactly that name.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return describe(path)
    known = models()
    folded = name.lower()
    exact = [model for model in known if folded in (model.name.lower(), Path(model.path).name.lower())]
    if not exact:
        remote = list(others())
        exact = [model for model in remote if folded in _called(model)]
        if not exact and is_remote(name):
            raise _missing(name, remote)
        file = "/" in name or folded.endswith(".gguf")
        known = [*([] if file else known), *remote]
        if file and not exact and not any(_is_part(folded, model) for model in remote):
            raise NotFoundError(f"there is no model file {name}", hint="`workbench models list` shows what is here")
    begin = exact or [model for model in known if model.name.lower().startswith(folded)]
    part = begin or [model for model in known if _is_part(folded, model)]
    if len(part) > 1:
        part = [model for model in part if model.error is None] or part
    if len(part) == 1:
        return part[0]
    if part:
        names = ", ".join(model.name for model in part[:5])
        raise NotFoundError(f"{name} names {len(part)} models", hint=f"say which: {names}")
    near = difflib.get_close_matches(name, [model.name for model in known], 1, 0.3)
    hint = f"did you mean {near[0]}?" if near else "`workbench models list` shows what is here"
    raise NotFoundError(f"there is no model {name}", hint=hint)


def _called(model: Model) -> tuple[str, ...]:
    """What a server's model may be called: its name, its identity, its id, its id at the server's own name."""
    server, id = parts(model.path.lower())
    return model.name.lower(), model.path.lower(), id, f"{id} @ {server}"


def _is_part(folded: str, model: Model) -> bool:
    names = _called(model) if is_remote(model.path) else (model.name.lower(),)
    return any(folded in name for name in names)


def _missing(name: str, remote: Sequence[Model]) -> WorkbenchError:
    """Why the server's model `name` is not there."""
    server, id = parts(name)
    own = [model for model in remote if parts(model.path)[0].lower() == server.lower()]
    if not own:
        return NotFoundError(f"there is no server {server}", hint="[[servers]] in the settings name them")
    if own[0].error:
        return EngineError(f"server {server}: {own[0].error}", where=own[0].source)
    near = difflib.get_close_matches(id, [parts(model.path)[1] for model in own], 1, 0.3)
    hint = f"did you mean {near[0]}?" if near else "`workbench models list` shows what is there"
    return NotFoundError(f"the server has no model {id}", where=own[0].source, hint=hint)
