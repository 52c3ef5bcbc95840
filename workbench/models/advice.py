"""What to change so that a model goes into memory: the smallest change that is enough, of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.models.fit import Fit, estimate
from workbench.models.gguf import Header, read_whole

LEAST = 512  # tokens of context below which a model is of little use


@dataclass(frozen=True)
class Wanted:
    """A model with its settings. `context` in tokens a lane."""

    header: Header
    context: int
    lanes: int
    offload: int
    kv_type: str = "f16"

    def fit(self, available: int | None = None) -> Fit:
        """The estimate."""
        return estimate(
            self.header,
            context=self.context,
            lanes=self.lanes,
            offload=self.offload,
            kv_type=self.kv_type,
            available=available,
        )


def wanted(path: Path, *, context: int = 0, lanes: int = 1, offload: int = 0, kv_type: str = "f16") -> Wanted:
    """The wish, its context resolved (0: the smaller of the model's and 4096). Raises EngineError."""
    header = read_whole(path)
    return Wanted(header, context or min(header.context_length or 4096, 4096), max(1, lanes), offload, kv_type)


def advice(wish: Wanted, available: int | None = None) -> list[str]:
    """Lines that say what would make it fit, each enough alone where one is; nothing when it fits."""
    now = wish.fit(available)
    if now.verdict == "fits":
        return []
    room = now.available

    def fits(**changes: int | str) -> bool:
        return Wanted(**{**wish.__dict__, **changes}).fit(room).verdict == "fits"

    lines = []
    if wish.kv_type == "f16" and fits(kv_type="q8_0"):
        lines.append("a KV cache in q8_0 (half the size, hardly less exact)")
    context = wish.context
    while context // 2 >= LEAST:
        context //= 2
        if fits(context=context):
            lines.append(f"a context of {context:,} tokens instead of {wish.context:,}")
            break
    for lanes in range(wish.lanes - 1, 0, -1):
        if fits(lanes=lanes):
            lines.append(f"{lanes} lane{'s' if lanes > 1 else ''} instead of {wish.lanes}")
            break
    if not lines and fits(kv_type="q8_0", context=min(wish.context, LEAST), lanes=1):
        lines.append(f"a context of {LEAST} tokens, one lane and a KV cache in q8_0 together")
    if not lines:
        share = room / max(1, now.high)
        lines.append(f"a smaller quantisation or a smaller model: at most {share:.0%} of this size goes in")
    return lines
