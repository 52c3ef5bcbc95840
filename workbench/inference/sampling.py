"""The sampler settings, with llama.cpp's own names, their ranges, and one line of help each.

`Sampling` is what runs; `SPECS` is what a form, the command line and the prompt loader read to offer and check it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from workbench.errors import SamplingError


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


class Spec(msgspec.Struct, frozen=True):
    """How one setting is offered: its type, its range (inclusive), the value that turns it off, one line of help."""

    name: str
    kind: str  # "int" | "float" | "strings" | "bias" | "text"
    low: float
    high: float
    neutral: Any
    help: str
    group: str

    @property
    def default(self) -> Any:
        """The value a fresh `Sampling` has."""
        return getattr(Sampling(), self.name)


def _n(name: str, kind: str, low: float, high: float, neutral: Any, group: str, text: str) -> Spec:
    return Spec(name, kind, low, high, neutral, text, group)


_MAX_INT = 2**31 - 1
SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        _n("temperature", "float", 0, 100, 1.0, "basic", "0 = always the likeliest token; higher = more daring"),
        _n("top_k", "int", 0, _MAX_INT, 0, "basic", "keep the k likeliest tokens (0 = all)"),
        _n("top_p", "float", 0, 1, 1.0, "basic", "keep the likeliest tokens that hold p of the probability (1 = all)"),
        _n("min_p", "float", 0, 1, 0.0, "basic", "drop tokens below this share of the likeliest one (0 = off)"),
        _n("seed", "int", 0, 2**32 - 1, 1, "basic", "the dice: same seed, same prompt, same answer"),
        _n("max_tokens", "int", 1, _MAX_INT, 512, "basic", "longest answer, in tokens"),
        _n("stop", "strings", 0, 16, (), "basic", "texts that end the answer (not shown)"),
        _n("repeat_penalty", "float", 0, 10, 1.0, "repetition", "divide the logits of recent tokens (1 = off)"),
        _n("repeat_last_n", "int", -1, _MAX_INT, 0, "repetition", "how many recent tokens count (-1 = whole context)"),
        _n("frequency_penalty", "float", -2, 2, 0.0, "repetition", "lower a token for each time it was used"),
        _n("presence_penalty", "float", -2, 2, 0.0, "repetition", "lower a token once it was used"),
        _n("dry_multiplier", "float", 0, 100, 0.0, "repetition", "DRY: how hard repeated phrases are pushed down"),
        _n("dry_base", "float", 1, 10, 1.75, "repetition", "DRY: growth of the push with the phrase's length"),
        _n("dry_allowed_length", "int", 1, _MAX_INT, 2, "repetition", "DRY: longest phrase that may repeat freely"),
        _n("dry_penalty_last_n", "int", -1, _MAX_INT, -1, "repetition", "DRY: how far back it looks (-1 = all)"),
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
    )
}


def _number(spec: Spec, value: object) -> int | float:
    """`value` as the spec's kind of number, in its range."""
    number: int | float
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str):
            number = int(value) if spec.kind == "int" else float(value)
        elif isinstance(value, int | float):
            if spec.kind == "int" and value != int(value):
                raise ValueError
            number = int(value) if spec.kind == "int" else float(value)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        noun = "a whole number" if spec.kind == "int" else "a number"
        raise SamplingError(f"{spec.name} = {value!r} is not {noun}", hint=_range(spec)) from None
    if not (spec.low <= number <= spec.high) or (isinstance(number, float) and math.isnan(number)):
        raise SamplingError(f"{spec.name} = {value} is out of range", hint=_range(spec))
    return number


def _range(spec: Spec) -> str:
    return f"{spec.name} goes from {spec.low:g} to {spec.high:.10g}: {spec.help}"


def _strings(spec: Spec, value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) and item for item in items):
        raise SamplingError(f"{spec.name} must be texts", hint=spec.help)
    if len(items) > spec.high:
        raise SamplingError(f"{spec.name} has {len(items)} texts", hint=f"at most {spec.high:g}")
    return tuple(items)


def _bias(spec: Spec, value: object) -> dict[int, float]:
    """From a mapping, or from `id:bias, id:bias`."""
    try:
        if isinstance(value, str):
            pairs = [part.split(":", 1) for part in value.split(",") if part.strip()]
            found = {int(key): float(bias) for key, bias in pairs}
        elif isinstance(value, Mapping):
            found = {int(key): float(bias) for key, bias in value.items()}
        else:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise SamplingError("logit_bias is not id:bias, id:bias", hint=spec.help) from None
    for token, bias in found.items():
        if token < 0 or not (spec.low <= bias <= spec.high):
            raise SamplingError(
                f"logit_bias {token}:{bias:g} is out of range", hint="ids from 0, bias from -100 to 100"
            )
    return found


def check(name: str, value: object) -> Any:
    """`value` as setting `name` takes it; raises SamplingError with the setting, its range or the nearest name."""
    spec = SPECS.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, SPECS, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(SPECS)}"
        raise SamplingError(f"{name} is no sampler setting", hint=hint)
    if spec.kind in ("int", "float"):
        return _number(spec, value)
    if spec.kind == "strings":
        return _strings(spec, value)
    if spec.kind == "bias":
        return _bias(spec, value)
    if not isinstance(value, str):
        raise SamplingError(f"{name} must be text", hint=spec.help)
    return value


def make(values: Mapping[str, object] | None = None, base: Sampling | None = None) -> Sampling:
    """`base` (or the defaults) with `values` set, each checked. Values may be text, as a form or a shell gives them."""
    checked = {name: check(name, value) for name, value in (values or {}).items()}
    return msgspec.structs.replace(base or Sampling(), **checked)


def changed(sampling: Sampling) -> dict[str, Any]:
    """The settings that differ from the defaults, by name."""
    fresh = Sampling()
    return {name: getattr(sampling, name) for name in SPECS if getattr(sampling, name) != getattr(fresh, name)}


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
