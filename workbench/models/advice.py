"""What to change so that a model goes into memory: the smallest change that is enough, of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from workbench.inference.engine import LoadOptions
from workbench.models import measured
from workbench.models.fit import Fit, estimate
from workbench.models.gguf import Header, read_whole

LEAST = 512  # tokens of context below which a model is of little use


@dataclass(frozen=True)
class Wanted:
    """A model with the options it is to be loaded with, its context resolved; `base` as in `estimate`."""

    header: Header
    options: LoadOptions
    base: int = 0

    def fit(self, available: int | None = None) -> Fit:
        """The estimate."""
        return estimate(self.header, self.options, base=self.base, available=available)


def wanted(path: Path, options: LoadOptions) -> Wanted:
    """The wish, its context resolved (0: the smaller of the model's and 4096). Raises EngineError."""
    header = read_whole(path)
    context = options.context_length or min(header.context_length or 4096, 4096)
    wish = replace(options, context_length=context, lanes=max(1, options.lanes))
    return Wanted(header, wish, measured.base(path, wish))


def advice(wish: Wanted, available: int | None = None) -> list[str]:
    """Lines that say what would make it fit, each enough alone where one is; nothing when it fits."""
    now = wish.fit(available)
    if now.verdict == "fits":
        return []
    room, options = now.available, wish.options

    def fits(**changes: int | str) -> bool:
        return Wanted(wish.header, replace(options, **changes), wish.base).fit(room).verdict == "fits"

    lines = []
    if options.kv_type == "f16" and fits(kv_type="q8_0"):
        lines.append("a KV cache in q8_0 (half the size, hardly less exact)")
    context = options.context_length
    while context // 2 >= LEAST:
        context //= 2
        if fits(context_length=context):
            lines.append(f"a context of {context:,} tokens instead of {options.context_length:,}")
            break
    for lanes in range(options.lanes - 1, 0, -1):
        if fits(lanes=lanes):
            lines.append(f"{lanes} lane{'s' if lanes > 1 else ''} instead of {options.lanes}")
            break
    if now.place == "VRAM" and (layers := _most_layers(wish, room)):
        lines.append(f"{layers} layers on the GPU, the rest in RAM: slower")
    if not lines and fits(kv_type="q8_0", context_length=min(options.context_length, LEAST), lanes=1):
        lines.append(f"a context of {LEAST} tokens, one lane and a KV cache in q8_0 together")
    if not lines:
        share = room / max(1, now.high)
        lines.append(f"a smaller quantisation or a smaller model: at most {share:.0%} of this size goes in")
    return lines


def _most_layers(wish: Wanted, room: int) -> int:
    """The most layers that go into `room` bytes of VRAM, 0 for none."""
    for layers in range(wish.header.number("block_count"), 0, -1):
        fit = Wanted(wish.header, replace(wish.options, offload=layers), wish.base).fit(room)
        if fit.place != "VRAM" or fit.verdict == "fits":
            return layers
    return 0
