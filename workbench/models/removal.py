"""A model taken off the disk: only what the workbench or the Hugging Face cache keeps, and only what nothing shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError, UsageError
from workbench.models.catalog import Model
from workbench.models.stores import hub_cache


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
    raise UsageError(f"{model.name} belongs to {model.source}", where=model.path, hint=f"delete it in {model.source}")


def _of_hub(path: Path) -> Removal:
    """Through the cache's own interface: whole revisions, blobs that another revision has stay."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import scan_cache_dir

    cache = scan_cache_dir(hub_cache())
    for repo in cache.repos:
        for revision in repo.revisions:
            names = [file.file_name for file in revision.files]
            if any(file.file_path == path for file in revision.files):
                strategy = cache.delete_revisions(revision.commit_hash)
                return Removal(strategy.expected_freed_size, tuple(sorted(names)), strategy.execute)
    raise UsageError("the Hugging Face cache does not know this file", where=str(path))


def _of_ours(model: Model) -> Removal:
    from workbench.models import stores

    found = next(each for each in stores.below("workbench", Path(model.path).parent, 0) if str(each.path) == model.path)
    files = found.shards or (found.path,)

    def work() -> None:
        for file in files:
            try:
                file.unlink()
            except OSError as error:
                raise StorageError(f"cannot delete it ({error.strerror})", where=str(file)) from error

    return Removal(sum(file.stat().st_size for file in files), tuple(file.name for file in files), work)
