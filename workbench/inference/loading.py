"""The load settings of a model: what a form, the command line and the file of load settings offer and check.

Names as in `LoadOptions` (engine.py). `check(name, value)`, `make(values, base)` and `changed(options)` are the table's
(specs.py); they raise SettingError.
"""

from __future__ import annotations

from workbench.inference.engine import LoadOptions
from workbench.inference.specs import MAX_INT, Spec, Table

_KV = ("f16", "q8_0", "q4_0")


def _whole(name: str, low: int, high: int, group: str, help: str) -> Spec:
    return Spec(name, "int", low, high, None, help, group)


def _switch(name: str, group: str, help: str) -> Spec:
    return Spec(name, "bool", 0, 1, None, help, group)


def _one(name: str, choices: tuple[str, ...], group: str, help: str) -> Spec:
    return Spec(name, "choice", 0, 0, None, help, group, None, choices)


TABLE = Table(
    LoadOptions(),
    (
        _whole("context_length", 0, MAX_INT, "memory", "tokens a lane may hold (0 = the model's own, up to 4096)"),
        _whole("lanes", 1, 64, "memory", "variants decoded together; each may fill a context"),
        _one("kv_type", _KV, "memory", "type of the KV cache; q8_0 is half of f16 and hardly less exact"),
        _one("kv_type_v", ("", *_KV), "memory", "type of its values, where another (empty = as kv_type)"),
        _switch("mmap", "memory", "map the file: quick to load, shared; off reads it whole"),
        _switch("mlock", "memory", "keep the weights in RAM, never swapped out"),
        _whole("offload", -1, 10_000, "GPU", "layers on the GPU (-1 = all, 0 = none)"),
        _one("split_mode", ("layer", "row", "none"), "GPU", "over several GPUs: by layers, by rows, or all on one"),
        _whole("main_gpu", 0, 63, "GPU", "the GPU for all of it (none) or for the small tensors (row)"),
        Spec("tensor_split", "floats", 0, 1e6, (), "each GPU's share, such as 3, 1 (empty = by free memory)", "GPU"),
        _whole("threads", 0, 1024, "speed", "CPU threads (0 = one a physical core)"),
        _whole("batch", 32, 4096, "speed", "tokens of a prompt that are read in one step"),
        _one("flash_attention", ("auto", "on", "off"), "speed", "a fused kernel; values in q8_0 or q4_0 need it"),
        _whole("shape", 0, 64, "speed", "lanes in one step (0 = measured when it is loaded)"),
        _one("rope_scaling", ("model", "none", "linear", "yarn"), "longer contexts", "how positions are stretched"),
        Spec("rope_freq_base", "float", 0, 1e9, 0.0, "RoPE base frequency (0 = as the file says)", "longer contexts"),
        Spec("rope_freq_scale", "float", 0, 100, 0.0, "0.5 doubles the reach (0 = as its file)", "longer contexts"),
    ),
    "load setting",
)
SPECS = TABLE.specs
check = TABLE.check
make = TABLE.make
changed = TABLE.changed


def stretched(options: LoadOptions) -> bool:
    """Whether positions are scaled by hand, so that a context may be longer than the trained one."""
    return options.rope_scaling != "model" or options.rope_freq_base > 0 or options.rope_freq_scale > 0
