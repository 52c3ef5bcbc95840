"""Whether a model, a context and an offload go into memory: an estimate with a range, in bytes.

KV cache: 2 · layers · cells · kv heads · head size · bytes of a value, exact against llama.cpp's log; a sliding-window
layer holds window + ubatch cells. Compute buffer: about ubatch · vocabulary · 4 (research/engine.md, "Counting").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import EngineError
from workbench.hardware import memory
from workbench.models.gguf import Header, read_header

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
SLACK = 0.15  # the range: others were off by more on partial offload, so `high` is what a verdict counts with
OVERHEAD = 150 * 2**20  # interpreter, library, tokenizer


@dataclass(frozen=True)
class Fit:
    """Sizes in bytes. `low`…`high` is what it will take; `verdict` compares it with `available`."""

    weights: int
    kv: int
    compute: int
    low: int
    high: int
    available: int
    verdict: str  # "fits" | "tight" | "too big"
    offload: int


def kv_bytes(header: Header, cells: int, *, lanes: int = 1, kv_type: str = "f16", batch: int = 512) -> int:
    """The KV cache of `cells` tokens in all for `lanes` sequences, in bytes."""
    layers = header.number("block_count")
    heads = header.number("attention.head_count", 1)
    size = header.number("embedding_length") // max(1, heads)
    kv_heads = header.number("attention.head_count_kv", heads)
    width = header.number("attention.key_length", size) + header.number("attention.value_length", size)
    window = header.number("attention.sliding_window")
    local = layers - layers // 6 if window and header.architecture.startswith("gemma3") else 0
    held = (layers - local) * cells + local * min(cells, window * lanes + batch)
    return int(held * kv_heads * width * KV_BYTES[kv_type])


def estimate(
    path: Path,
    *,
    context: int = 0,
    lanes: int = 1,
    offload: int = 0,
    batch: int = 512,
    kv_type: str = "f16",
    available: int | None = None,
) -> Fit:
    """What the model at `path` takes with `lanes` lanes of `context` tokens (0: the smaller of its own and 4096)."""
    header = read_header(path)
    context = context or min(header.context_length or 4096, 4096)
    weights = sum(tensor.bytes for tensor in header.tensors) or header.size
    kv = kv_bytes(header, context * max(1, lanes), lanes=max(1, lanes), kv_type=kv_type, batch=batch)
    compute = batch * header.vocabulary * 4 + batch * header.number("embedding_length") * 64
    whole = weights + kv + compute + OVERHEAD
    room = memory.available() if available is None else available
    low, high = int(whole * (1 - SLACK)), int(whole * (1 + SLACK))
    verdict = "fits" if high <= room else "tight" if low <= room else "too big"
    return Fit(weights, kv, compute, low, high, room, verdict, offload)


def holds(loaded: Sequence[Path], path: Path) -> tuple[bool, str]:
    """Whether memory holds `path` beside what is loaded already, and if not why, with the numbers."""
    try:
        fit = estimate(path)
    except EngineError:
        return True, ""  # loading will say what is wrong with it
    if fit.verdict == "too big":
        names = ", ".join(other.stem for other in loaded)
        need, room = fit.low / 2**30, fit.available / 2**30
        return False, f"needs {need:.1f} GiB, {room:.1f} GiB are free beside {names}"
    return True, ""
