"""What a model really took, measured after each use, so that the next estimate of it is nearer.

Kept is the base: what was taken less the cache and the buffers, which are known exactly. It stands for the weights as
they lie in memory (mapped, repacked, copied) and for the worker around them.
"""

from __future__ import annotations

from pathlib import Path

from workbench import paths
from workbench.errors import EngineError
from workbench.inference.engine import LoadOptions, Usage
from workbench.inference.local.hints import identity
from workbench.models.caches import cache_bytes
from workbench.models.fit import compute_bytes, vram_share
from workbench.models.gguf import read_whole
from workbench.remembered import Remembered


def note(path: Path, options: LoadOptions, usage: Usage, taken: int) -> None:
    """Keep what the model at `path` took in RAM, in bytes, while its caches had `usage.cells` cells.

    The most that was ever taken counts: a short prompt touches only part of the buffers.
    """
    try:
        header = read_whole(path)
    except EngineError:
        return
    share = vram_share(header, options.offload)
    kv = cache_bytes(header, usage.cells, options)
    kv = int(kv * (1 - share[1])) if share else kv
    compute = 0 if share else compute_bytes(header, usage.cells, lanes=options.lanes, batch=options.batch)
    base = taken - kv - compute
    kept = _kept()
    if base > kept.get(key := _key(path, options)):
        kept.put(key, base)


def base(path: Path, options: LoadOptions) -> int:
    """The base of the model at `path`, loaded so, in bytes; 0 when it was never measured."""
    return _kept().get(_key(path, options))


def _kept() -> Remembered:
    return Remembered(paths.cache_dir() / "measured.json")


def _key(path: Path, options: LoadOptions) -> str:
    """What the base depends on: not the context nor the lanes."""
    return f"{identity(path)}|{options.offload}|{options.mmap}|{options.split_mode}|{options.batch}"
