"""What a quantisation is, in one plain line, and which of a model's files suits this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

# Bits a weight (llama.cpp, tools/quantize/README.md, Llama 3.1 8B) and what a person gets.
LINES: dict[str, tuple[float, str]] = {
    "F32": (32.0, "as trained; for converting, not for running"),
    "BF16": (16.0, "as trained, half the size of F32; for reference"),
    "F16": (16.0, "as trained, within rounding; for reference"),
    "Q8_0": (8.5, "hardly told apart from the original; twice the size of Q4"),
    "Q6_K": (6.56, "very near the original"),
    "Q5_K_M": (5.7, "near the original; a little smaller than Q6"),
    "Q5_K_S": (5.57, "near the original, slightly smaller than Q5_K_M"),
    "Q5_0": (5.5, "an older 5-bit; Q5_K_M is better"),
    "Q5_1": (6.0, "an older 5-bit; Q5_K_M is better"),
    "Q4_K_M": (4.89, "the usual choice: small, fast, little is lost"),
    "Q4_K_S": (4.67, "slightly smaller and less exact than Q4_K_M"),
    "IQ4_XS": (4.46, "as good as Q4_K_S and smaller; slower on a CPU"),
    "IQ4_NL": (4.68, "4-bit with uneven steps; good on ARM"),
    "Q4_0": (4.66, "an older 4-bit, fast on CPUs; Q4_K_M is more exact"),
    "Q4_1": (5.1, "an older 4-bit; Q4_K_M is smaller and more exact"),
    "MXFP4": (4.25, "the 4-bit floats that gpt-oss was trained for"),
    "Q3_K_L": (4.3, "clearly less exact; where Q4 does not fit"),
    "Q3_K_M": (4.0, "clearly less exact; where Q4 does not fit"),
    "Q3_K_S": (3.64, "much is lost; better a smaller model in Q4"),
    "IQ3_M": (3.76, "3-bit at its best; slower on a CPU"),
    "IQ3_XXS": (3.25, "much is lost; better a smaller model in Q4"),
    "Q2_K": (3.16, "most is lost; better a smaller model"),
    "IQ2_M": (2.93, "most is lost; better a smaller model"),
    "IQ2_XS": (2.6, "most is lost; better a smaller model"),
    "IQ1_S": (2.0, "only to see that it loads"),
}
ORDER = ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")  # what is recommended, each next one where there is much room
FALL = ("Q4_K_M", "IQ4_XS", "Q4_K_S", "MXFP4", "Q4_0", "Q4_1", "Q3_K_L", "Q3_K_M", "IQ3_M", "Q3_K_S", "Q2_K")
_NAME = re.compile(
    r"(?<![A-Z0-9])(I?Q\d_(?:K(?:_[SML])?|[01]|XXS|XS|NL|S|M)|BF16|F16|F32|MXFP4|TQ\d_0)(?![A-Z0-9])", re.I
)


class Sized(Protocol):
    """A file that can be fetched."""

    @property
    def quantization(self) -> str:
        """`Q4_K_M`, "" when unknown."""

    @property
    def size(self) -> int:
        """Bytes."""


def of_name(name: str) -> str:
    """The quantisation that a file's name says, "" for none."""
    found = _NAME.findall(name.replace("-", "_").replace(".", " "))
    return str(found[-1]).upper() if found else ""


def line(quantization: str) -> str:
    """One plain line: `about 4.9 bits a weight: the usual choice …`."""
    known = LINES.get(quantization)
    return f"about {known[0]:g} bits a weight: {known[1]}" if known else ""


def recommended(files: Sequence[Sized], room: int) -> tuple[int, str]:
    """Which of `files` for `room` bytes of free memory, and why; -1 when none goes in.

    The largest of ORDER that takes at most half of the room, else the best that takes at most 80 % of it: the rest is
    for the cache, the answer and other programs.
    """
    places = {each.quantization: at for at, each in enumerate(files) if each.quantization}
    for name in reversed(ORDER):
        if name in places and files[places[name]].size <= room * 0.5:
            return places[name], f"{name} leaves more than half of the free memory: {LINES[name][1]}"
    for name in (*reversed(ORDER), *FALL):
        if name in places and files[places[name]].size <= room * 0.8:
            return places[name], f"{name} is the largest that leaves room for the context: {LINES[name][1]}"
    small = [at for at, each in enumerate(files) if each.size <= room * 0.8]
    if small:
        at = max(small, key=lambda at: files[at].size)
        return at, "the largest that leaves room for the context"
    return -1, "none goes into the free memory: choose a smaller model"
