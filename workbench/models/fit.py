"""Whether a model, a context and an offload go into memory: an estimate with a range, in bytes.

KV cache: cells · kv heads · (key + value size) · bytes of a value, summed over the layers: exact against llama.cpp's
log. Compute buffer: logits of the rows that are asked for, the attention mask, two rows of activations
(research/engine.md, "Counting"; tests/models/test_fit.py has llama.cpp's own figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import EngineError
from workbench.hardware import gpu, memory
from workbench.models.gguf import Header, read_whole

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
OUTPUTS = 64  # rows with logits that the worker asks for at most (inference/local/llama.py)
SLACK = 0.10  # the range: repacked weights, allocators; a verdict counts with its upper end
OVERHEAD = 47 << 20  # the worker: interpreter, libraries, tokenizer (benchmarks/fit.py)
_GLOBAL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2}  # one layer in so many sees it all
MAX_LAYERS = 10_000


@dataclass(frozen=True)
class Fit:
    """Sizes in bytes. `low`…`high` is what it will take; `verdict` compares it with `available`.

    With every layer on the GPU `available` is what is free there, else what is free of the machine's memory.
    """

    weights: int
    kv: int
    compute: int
    low: int
    high: int
    available: int
    verdict: str  # "fits" | "tight" | "too big"
    offload: int


def kv_bytes(
    header: Header,
    cells: int,
    *,
    lanes: int = 1,
    kv_type: str = "f16",
    batch: int = 512,
    whole_window: bool = True,
) -> int:
    """The KV cache of `cells` tokens in all for `lanes` sequences, in bytes.

    `whole_window`: layers with a sliding window hold every cell (llama.cpp's `swa_full`; the worker needs it to share
    prefixes), else window · lanes + batch cells.
    """
    layers = min(header.number("block_count"), MAX_LAYERS)
    query_heads = header.number("attention.head_count", 1)
    size = header.number("embedding_length") // max(1, query_heads)
    width = header.number("attention.key_length", size) + header.number("attention.value_length", size)
    heads = _per_layer(header, "attention.head_count_kv", query_heads, layers)
    window = header.number("attention.sliding_window")
    every = header.number("attention.sliding_window_pattern", _GLOBAL_EVERY.get(header.architecture, 0))
    total = 0
    for layer, kv_heads in enumerate(heads):
        local = window and every > 1 and (layer + 1) % every != 0 and not whole_window
        held = min(cells, window * max(1, lanes) + batch) if local else cells
        total += held * kv_heads * width
    return max(0, int(total * KV_BYTES[kv_type]))


def _per_layer(header: Header, key: str, default: int, layers: int) -> list[int]:
    """A setting that is one number for all layers, or a number for each."""
    value = header.get(key)
    if isinstance(value, list) and len(value) == layers and all(isinstance(item, int) for item in value):
        return value
    return [header.number(key, default)] * max(0, layers)


def compute_bytes(header: Header, cells: int, *, lanes: int = 1, batch: int = 512) -> int:
    """The compute and output buffers, in bytes."""
    logits = (min(batch, max(OUTPUTS, lanes)) + 2 * lanes + 1) * header.vocabulary * 4
    return logits + batch * cells * 2 + 2 * batch * header.number("embedding_length") * 4


def estimate(
    model: Path | Header,
    *,
    context: int = 0,
    lanes: int = 1,
    offload: int = 0,
    batch: int = 512,
    kv_type: str = "f16",
    available: int | None = None,
) -> Fit:
    """What `model` takes with `lanes` lanes of `context` tokens each (0: the smaller of its own and 4096).

    `offload` is in layers, -1 all. `available` in bytes stands in for what is free now. Raises EngineError for a file
    that cannot be read.
    """
    header = model if isinstance(model, Header) else read_whole(model)
    lanes = max(1, lanes)
    cells = (context or min(header.context_length or 4096, 4096)) * lanes
    weights = sum(tensor.bytes for tensor in header.tensors) or header.size
    kv = kv_bytes(header, cells, lanes=lanes, kv_type=kv_type, batch=batch)
    compute = compute_bytes(header, cells, lanes=lanes, batch=batch)
    whole = weights + kv + compute + OVERHEAD
    low, high = int(whole * (1 - SLACK)), int(whole * (1 + SLACK))
    room = _room(offload, header.number("block_count")) if available is None else available
    verdict = "fits" if high <= room else "tight" if low <= room else "too big"
    return Fit(weights, kv, compute, low, high, room, verdict, offload)


def _room(offload: int, layers: int) -> int:
    """Free bytes where the model goes: the NVIDIA cards when all its layers do, else the machine's memory."""
    if (offload < 0 or offload > layers) and gpu.offload_built():
        cards = [card for card in gpu.Nvidia().read() if card.memory_total is not None and card.memory_used is not None]
        if cards:
            return sum((card.memory_total or 0) - (card.memory_used or 0) for card in cards)
    return memory.available()


def holds(loaded: Sequence[Path], path: Path, *, context: int = 0, offload: int = -1) -> tuple[bool, str]:
    """Whether memory holds `path` beside what is loaded already, and if not why, with the numbers."""
    try:
        fit = estimate(path, context=context, offload=offload)
    except EngineError:
        return True, ""  # loading will say what is wrong with it
    if fit.verdict != "too big":
        return True, ""
    beside = " beside " + ", ".join(other.stem for other in loaded) if loaded else ""
    need, room = fit.low / 2**30, fit.available / 2**30
    return False, f"{path.stem} needs {need:.1f} GiB, {room:.1f} GiB are free{beside}"
