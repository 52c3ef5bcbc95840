"""The sampler settings, with llama.cpp's own names, their ranges, and one line of help each.

`Sampling` is what runs; `SPECS` is what a form, the command line and the prompt loader read to offer and check it.
`check(name, value)`, `make(values, base)` and `changed(sampling)` are its table's (specs.py); they raise SamplingError.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.errors import SamplingError
from workbench.inference.specs import MAX_INT, Kind, Spec, Table


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One lane's sampler chain, seed and limits. Build with `make`, which checks names and ranges.

    The chain runs in llama.cpp's default order: logit_bias, penalties, dry, top_n_sigma, top_k, typical_p, top_p,
    min_p, xtc, temperature (dynamic when `dynatemp_range` > 0), then the choice. `temperature` 0 is greedy.
    With `mirostat` 1 or 2 the truncations are skipped, as in llama.cpp. A grammar masks before everything else.
    """

    seed: int = 1
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    temperature: float = 0.8
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    adaptive_target: float = -1.0
    adaptive_decay: float = 0.9
    logit_bias: dict[int, float] = {}
    grammar: str = ""
    min_keep: int = 1


def _n(name: str, kind: Kind, low: float, high: float, neutral: Any, group: str, text: str) -> Spec:
    return Spec(name, kind, low, high, neutral, text, group)


TABLE = Table(
    Sampling(),
    (
        _n("temperature", "float", 0, 100, 1.0, "basic", "0 = always the likeliest token; higher = more daring"),
        _n("top_k", "int", 0, MAX_INT, 0, "basic", "keep the k likeliest tokens (0 = all)"),
        _n("top_p", "float", 0, 1, 1.0, "basic", "keep the likeliest tokens that hold p of the probability (1 = all)"),
        _n("min_p", "float", 0, 1, 0.0, "basic", "drop tokens below this share of the likeliest one (0 = off)"),
        _n("seed", "int", 0, 2**32 - 1, 1, "basic", "the dice: same seed, same prompt, same answer"),
        _n("max_tokens", "int", 1, MAX_INT, 512, "basic", "longest answer, in tokens"),
        _n("stop", "strings", 0, 16, (), "basic", "texts that end the answer (not shown)"),
        _n("repeat_penalty", "float", 0, 10, 1.0, "repetition", "divide the logits of recent tokens (1 = off)"),
        _n("repeat_last_n", "int", -1, MAX_INT, 0, "repetition", "how many recent tokens count (-1 = whole context)"),
        _n("frequency_penalty", "float", -2, 2, 0.0, "repetition", "lower a token for each time it was used"),
        _n("presence_penalty", "float", -2, 2, 0.0, "repetition", "lower a token once it was used"),
        _n("dry_multiplier", "float", 0, 100, 0.0, "repetition", "DRY: how hard repeated phrases are pushed down"),
        _n("dry_base", "float", 1, 10, 1.75, "repetition", "DRY: growth of the push with the phrase's length"),
        _n("dry_allowed_length", "int", 1, MAX_INT, 2, "repetition", "DRY: longest phrase that may repeat freely"),
        _n("dry_penalty_last_n", "int", -1, MAX_INT, -1, "repetition", "DRY: how far back it looks (-1 = all)"),
        _n("dry_sequence_breakers", "strings", 0, 64, (), "repetition", "DRY: texts that end a phrase"),
        _n("typical_p", "float", 0, 1, 1.0, "truncation", "keep tokens of typical surprise (1 = off)"),
        _n("top_n_sigma", "float", -1, 100, -1.0, "truncation", "keep logits within n sigma of the best (-1 = off)"),
        _n("xtc_probability", "float", 0, 1, 0.0, "truncation", "XTC: chance to drop the obvious tokens (0 = off)"),
        _n("xtc_threshold", "float", 0, 1, 0.1, "truncation", "XTC: what counts as obvious (over 0.5 = off)"),
        _n("min_keep", "int", 1, 1000, 1, "truncation", "truncation never leaves fewer tokens than this"),
        _n("dynatemp_range", "float", 0, 100, 0.0, "temperature", "let temperature move this far with uncertainty"),
        _n("dynatemp_exponent", "float", 0, 10, 1.0, "temperature", "how uncertainty maps to temperature"),
        _n("mirostat", "int", 0, 2, 0, "temperature", "steer towards a constant surprise: 0 off, 1, 2"),
        _n("mirostat_tau", "float", 0, 100, 5.0, "temperature", "mirostat: the surprise to aim at, in nats"),
        _n("mirostat_eta", "float", 0, 1, 0.1, "temperature", "mirostat: how quickly it corrects"),
        _n("adaptive_target", "float", -1, 1, -1.0, "temperature", "adaptive-p: probability to aim at (-1 = off)"),
        _n("adaptive_decay", "float", 0, 0.99, 0.9, "temperature", "adaptive-p: memory of past choices"),
        _n("logit_bias", "bias", -100, 100, {}, "constraint", "add to a token's logit: id:bias, id:bias"),
        _n("grammar", "text", 0, 1_000_000, "", "constraint", "GBNF grammar that the answer must follow"),
    ),
    "sampler setting",
    SamplingError,
)
SPECS = TABLE.specs
check = TABLE.check
make = TABLE.make
changed = TABLE.changed


_SHORT = {"temperature": "t", "top_k": "k", "top_p": "p", "min_p": "m", "max_tokens": "n", "seed": "s"}


def brief(sampling: Sampling) -> str:
    """A lane heading's few letters: `t0.8 k40`, then whatever else is set."""
    parts = [f"t{sampling.temperature:g}", f"k{sampling.top_k}"]
    for name, value in changed(sampling).items():
        if name in ("temperature", "top_k"):
            continue
        if isinstance(value, int | float):
            parts.append(f"{_SHORT.get(name, name + '=')}{value:g}" if name != "seed" else f"s{value}")
        else:
            parts.append(name)
    return " ".join(parts)
