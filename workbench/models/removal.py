"""A model taken off the disk: only what the workbench or the Hugging Face cache keeps, and only what nothing shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError, UsageError
from workbench.models import stores
from workbench.models.catalog import Model
from workbench.models.stores import STARTER, hub_cache

_YOURS = ("models.folders", "WORKBENCH_MODELS", "file")
TRIFLE = 1 << 20  # bytes up to which a file of a repository is a card or the like


@dataclass(frozen=True)
class Removal:
    """What would go: `frees` bytes, the `files` by name, and the work itself."""

    frees: int
    files: tuple[str, ...]
    work: Callable[[], None]


def removal(model: Model) -> Removal:
    """What deleting the model means. Raises UsageError for one that another program keeps."""
    path = Path(model.path)
    if path.is_relative_to(hub_cache()):
        return _of_hub(path)
    if path.is_relative_to(paths.data_dir() / "models"):
        return _of_ours(model)
    if model.source in _YOURS:
        raise UsageError(f"{model.name} is in a folder of yours", where=model.path, hint="delete the file yourself")
    how = f"pip uninstall {STARTER}" if model.source == STARTER else f"delete it in {model.source}"
    raise UsageError(f"{model.name} belongs to {model.source}", where=model.path, hint=how)


def _of_hub(path: Path) -> Removal:
    """Through the cache's own interface: the model's files in every revision; blobs that others have stay.

    What is left of a repository without a model (its card, a projector) goes with the last one.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import scan_cache_dir

    cache = scan_cache_dir(hub_cache())
    for repo in cache.repos:
        files = [file for revision in repo.revisions for file in revision.files]
        if not any(file.file_path == path for file in files):
            continue
        parts = _parts(path)
        gone = {file.blob_path for file in files if file.file_path in parts}
        left = [file for file in files if file.blob_path not in gone]
        if all(file.size_on_disk < TRIFLE or "mmproj" in file.file_name.lower() for file in left):
            strategy = cache.delete_revisions(*(revision.commit_hash for revision in repo.revisions))
            gone |= {file.blob_path for file in left}
        else:
            strategy = cache.delete_files(*(file for file in files if file.blob_path in gone))
        names = sorted({file.file_name for file in files if file.blob_path in gone})
        return Removal(strategy.expected_freed_size, tuple(names), strategy.execute)
    raise UsageError("the Hugging Face cache does not know this file", where=str(path))


def _parts(path: Path) -> tuple[Path, ...]:
    """The files of the model at `path`: itself, or all shards."""
    found = next((each for each in stores.below("Hugging Face", path.parent, 0) if each.path == path), None)
    return (found.shards if found else ()) or (path,)


def _of_ours(model: Model) -> Removal:
    found = next(each for each in stores.below("workbench", Path(model.path).parent, 0) if str(each.path) == model.path)
    files = found.shards or (found.path,)

    def work() -> None:
        for file in files:
            try:
                file.unlink()
            except OSError as error:
                raise StorageError(f"cannot delete it ({error.strerror})", where=str(file)) from error

    return Removal(sum(file.stat().st_size for file in files), tuple(file.name for file in files), work)
