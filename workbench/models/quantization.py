"""What a quantisation is, in one plain line, and which one a file's name says."""

from __future__ import annotations

import re

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
    "NVFP4": (4.5, "4-bit floats for recent NVIDIA cards"),
    "Q3_K_L": (4.3, "clearly less exact; where Q4 does not fit"),
    "Q3_K_M": (4.0, "clearly less exact; where Q4 does not fit"),
    "Q3_K_S": (3.64, "much is lost; better a smaller model in Q4"),
    "IQ3_M": (3.76, "3-bit at its best; slower on a CPU"),
    "IQ3_S": (3.66, "as large as Q3_K_S and more exact; slower on a CPU"),
    "IQ3_XS": (3.5, "much is lost; better a smaller model in Q4"),
    "IQ3_XXS": (3.25, "much is lost; better a smaller model in Q4"),
    "Q2_K": (3.16, "most is lost; better a smaller model"),
    "Q2_K_S": (2.97, "most is lost; better a smaller model"),
    "IQ2_M": (2.93, "most is lost; better a smaller model"),
    "IQ2_S": (2.74, "most is lost; better a smaller model"),
    "IQ2_XS": (2.59, "most is lost; better a smaller model"),
    "IQ2_XXS": (2.38, "most is lost; better a smaller model"),
    "TQ2_0": (2.06, "for models that were trained with three values a weight"),
    "TQ1_0": (1.69, "for models that were trained with three values a weight"),
    "IQ1_M": (2.15, "only to see that it loads"),
    "IQ1_S": (2.0, "only to see that it loads"),
}
_LARGER = re.compile(r"(Q\d_K)_X?L")  # of those that publish them: llama.cpp has no such types
_NAME = re.compile(
    r"(?<![A-Z0-9])(I?Q\d_(?:K(?:_(?:XL|[SML]))?|[01]|XXS|XS|NL|S|M)|BF16|F16|F32|MXFP4|NVFP4|TQ\d_0)(?![A-Z0-9])",
    re.I,
)


def of_name(name: str) -> str:
    """The quantisation that a file's name says, "" for none."""
    found = _NAME.findall(name.replace("-", "_").replace(".", " "))
    return str(found[-1]).upper() if found else ""


def line(quantization: str) -> str:
    """One plain line: `4.9 bits a weight: the usual choice …`."""
    if known := LINES.get(quantization):
        return f"{known[0]:.1f} bits a weight: {known[1]}"
    if larger := _LARGER.fullmatch(quantization):
        kind = larger[1].replace("Q8_K", "Q8_0")
        near = next((name for name in (f"{kind}_M", kind) if name in LINES), "")
        return f"as {near}, some of its tensors more exact: a little larger" if near else ""
    return ""
