"""Whether a model, a context and an offload go into memory: an estimate with a range, in bytes.

The caches are caches.py's, exact against llama.cpp's log. Compute buffer: logits of the rows that are asked for, the
attention mask, two rows of activations
(research/engine.md, "Counting"; tests/models/test_fit.py has llama.cpp's own figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from workbench.errors import EngineError
from workbench.hardware import amd, gpu, memory
from workbench.inference.engine import LoadOptions
from workbench.models.caches import cache_bytes
from workbench.models.gguf import Header, read_whole

OUTPUTS = 64  # rows with logits that the worker asks for at most (inference/local/llama.py)
SLACK = 0.10  # the range: repacked weights, allocators; a verdict counts with its upper end
MEASURED_SLACK = 0.05  # the same once the model was measured here
OVERHEAD = 37 << 20  # the worker: interpreter, libraries, tokenizer (benchmarks/fit.py)
ONE = LoadOptions(lanes=1, offload=0)


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
    measured: bool = False  # whether it was loaded before, and the estimate corrected by what it took
    place: str = "RAM"  # where it is tightest, which `low`, `high` and `available` are about: "RAM" | "VRAM"

    @property
    def numbers(self) -> str:
        """`1.2–1.4 GB of 20.1 GB RAM free`."""
        room = f"{self.available / 1e9:.1f} GB {self.place} free"
        span = f"{self.low / 1e9:.1f}–{self.high / 1e9:.1f} GB"
        if self.high < 1e9:
            span = f"{self.low / 1e6:.0f}–{self.high / 1e6:.0f} MB"
        return f"{span} of {room}{', as measured' if self.measured else ''}"


def compute_bytes(header: Header, cells: int, *, lanes: int = 1, batch: int = 512) -> int:
    """The compute and output buffers, in bytes."""
    logits = (min(batch, max(OUTPUTS, lanes)) + 2 * lanes + 1) * header.vocabulary * 4
    return logits + batch * cells * 2 + 2 * batch * header.number("embedding_length") * 4


def estimate(model: Path | Header, options: LoadOptions = ONE, *, base: int = 0, available: int | None = None) -> Fit:
    """What `model` takes when every lane of `options` has filled its context (0: the smaller of its own and 4096).

    `base` is what the weights and the worker were measured to take in RAM (measured.py), 0 when they never were.
    `available` in bytes stands in for what is free now. Raises EngineError for a file that cannot be read.
    """
    header = model if isinstance(model, Header) else read_whole(model)
    lanes = max(1, options.lanes)
    cells = (options.context_length or min(header.context_length or 4096, 4096)) * lanes
    weights = sum(tensor.bytes for tensor in header.tensors) or header.size
    kv = cache_bytes(header, cells, options)
    compute = compute_bytes(header, cells, lanes=lanes, batch=options.batch)
    slack = MEASURED_SLACK if base else SLACK
    places = []
    there = vram_share(header, options.offload)
    if there is not None:
        share, layers = there
        need = int(weights * share) + int(kv * layers) + compute
        room = free_vram(options.main_gpu if options.split_mode == "none" else None) if available is None else available
        places.append((need, SLACK, room, "VRAM"))
        weights_here, kv_here = weights - int(weights * share), kv - int(kv * layers)
    else:
        weights_here, kv_here = weights, kv
    if there is None or there[1] < 1:
        need = (base or weights_here + OVERHEAD) + kv_here + (0 if there else compute)
        places.append((need, slack, memory.available() if available is None else available, "RAM"))
    need, slack, room, place = max(places, key=lambda each: each[0] / max(1, each[2]))
    low, high = int(need * (1 - slack)), int(need * (1 + slack))
    verdict = "fits" if high <= room else "tight" if low <= room else "too big"
    return Fit(weights, kv, compute, low, high, room, verdict, options.offload, bool(base), place)


def vram_share(header: Header, offload: int) -> tuple[float, float] | None:
    """The share of the weights and of the layers that goes to the GPU; None when nothing does.

    llama.cpp takes the last layers, then the output; the token embeddings stay in RAM (llama-model.cpp, load_tensors).
    """
    count = header.number("block_count")
    if not offload or not gpu.offload_built() or not free_vram():
        return None
    taken = count + 1 if offload < 0 else min(offload, count + 1)
    whole = there = 0
    for tensor in header.tensors:
        whole += tensor.bytes
        prefix, _, rest = tensor.name.partition(".")
        number = rest.partition(".")[0]
        if prefix == "blk" and number.isdigit():
            there += tensor.bytes if int(number) >= count - taken else 0
        elif prefix.startswith("output") and taken > count:
            there += tensor.bytes
    return (there / whole if whole else min(1.0, taken / max(1, count))), min(1.0, taken / max(1, count))


def free_vram(card: int | None = None) -> int:
    """Bytes that are free on the NVIDIA and AMD cards together, or on that one alone."""
    found = [each for each in (*gpu.Nvidia().read(), *amd.Amd().read()) if not each.shared]
    cards = [(each.memory_total or 0) - (each.memory_used or 0) for each in found if each.memory_used is not None]
    return max(0, sum(cards if card is None else cards[card : card + 1]))


def holds(loaded: Sequence[Path], path: Path, options: LoadOptions) -> tuple[bool, str]:
    """Whether memory holds `path` with one lane beside what is loaded already, and if not why, with the numbers."""
    try:
        fit = estimate(path, replace(options, lanes=1))
    except EngineError:
        return True, ""  # loading will say what is wrong with it
    if fit.verdict != "too big":
        return True, ""
    beside = " beside " + ", ".join(other.stem for other in loaded) if loaded else ""
    need, room = fit.low / 2**30, fit.available / 2**30
    return False, f"{path.stem} needs {need:.1f} GiB, {room:.1f} GiB are free{beside}"
