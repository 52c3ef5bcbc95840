"""What a model remembers of the tokens it read, in bytes, from its header: keys and values, and recurrent states.

Keys and values: cells · kv heads · (key + value size) · bytes of a value, over the layers that attend. With multi-head
latent attention (MLA: DeepSeek and others) one compressed row of keys stands for both, and there are no values
(llama.cpp, llama-kv-cache.cpp: `has_v = !is_mla`). A recurrent layer keeps one state a sequence, however long it is
(llama-hparams.cpp: `n_embd_r`, `n_embd_s`).
"""

from __future__ import annotations

from workbench.inference.engine import LoadOptions
from workbench.models.gguf import Header

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
STATE_BYTES = 4  # states are f32
MAX_LAYERS = 10_000
_GLOBAL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2}  # one layer in so many sees it all
_ALL_RECURRENT = {"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"}
_BOTH = {"falcon-h1"}  # every layer attends and has a state
_ATTENDS_EVERY = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}  # unless `full_attention_interval` says another


def cache_bytes(header: Header, cells: int, options: LoadOptions) -> int:
    """All that the lanes of `options` keep: `cells` tokens in all, and the states of their sequences."""
    lanes = max(1, options.lanes)
    kv = kv_bytes(header, cells, lanes=lanes, kv_type=options.kv_type, kv_type_v=options.kv_type_v, batch=options.batch)
    return kv + state_bytes(header, lanes + 1)  # and one to score with


def kv_bytes(
    header: Header,
    cells: int,
    *,
    lanes: int = 1,
    kv_type: str = "f16",
    kv_type_v: str = "",
    batch: int = 512,
    whole_window: bool = True,
) -> int:
    """The keys and values of `cells` tokens in all for `lanes` sequences.

    `whole_window`: layers with a sliding window hold every cell (llama.cpp's `swa_full`; the worker needs it to share
    prefixes), else window · lanes + batch cells.
    """
    query_heads = header.number("attention.head_count", 1)
    size = header.number("embedding_length") // max(1, query_heads)
    width = header.number("attention.key_length", size) * KV_BYTES[kv_type]
    if not (header.number("attention.key_length_mla") and header.number("attention.value_length_mla")):
        width += header.number("attention.value_length", size) * KV_BYTES[kv_type_v or kv_type]
    window = header.number("attention.sliding_window")
    every = header.number("attention.sliding_window_pattern", _GLOBAL_EVERY.get(header.architecture, 0))
    recurrent = _recurrent(header)
    total = 0.0
    for layer, kv_heads in enumerate(_heads(header)):
        if recurrent[layer] and header.architecture not in _BOTH:
            continue
        local = window and every > 1 and (layer + 1) % every != 0 and not whole_window
        held = min(cells, window * max(1, lanes) + batch) if local else cells
        total += held * kv_heads * width
    return max(0, int(total))


def state_bytes(header: Header, sequences: int) -> int:
    """The recurrent layers' states of `sequences` sequences; 0 for a model without such layers."""
    layers = sum(_recurrent(header))
    if not layers:
        return 0
    width = header.number("embedding_length")
    if head := header.number("wkv.head_size"):  # RWKV: the shifted tokens, a matrix a head
        values = (header.number("token_shift_count", 2) + head) * width
    elif cached := header.number("shortconv.l_cache"):  # LFM2: a short convolution
        values = width * (cached - 1)
    elif head := header.number("kda.head_dim"):  # Kimi: convolutions of query, key and value; a matrix a head
        heads = header.number("attention.head_count", 1)
        values = 3 * (max(1, header.number("ssm.conv_kernel", 4)) - 1) * heads * head + head * head * heads
    else:  # Mamba
        inner, state = header.number("ssm.inner_size"), header.number("ssm.state_size")
        kernel = max(1, header.number("ssm.conv_kernel", 1))
        values = (kernel - 1) * (inner + 2 * header.number("ssm.group_count") * state) + state * inner
    return max(0, layers * sequences * values * STATE_BYTES)


def _recurrent(header: Header) -> list[bool]:
    """Of each layer whether it has a state."""
    heads = _heads(header)
    if header.architecture in _ALL_RECURRENT | _BOTH:
        return [True] * len(heads)
    if every := header.number("full_attention_interval", _ATTENDS_EVERY.get(header.architecture, 0)):
        return [(layer + 1) % every != 0 for layer in range(len(heads))]
    stateful = any(header.number(key) for key in ("ssm.state_size", "shortconv.l_cache", "wkv.head_size"))
    return [stateful and count == 0 for count in heads]


def _heads(header: Header) -> list[int]:
    """Heads of keys and values, layer by layer: one number for all, or one for each."""
    layers = min(header.number("block_count"), MAX_LAYERS)
    value = header.get("attention.head_count_kv")
    if isinstance(value, list) and len(value) == layers and all(isinstance(item, int) for item in value):
        return value
    default = header.number("attention.head_count_kv", header.number("attention.head_count", 1))
    return [default] * max(0, layers)
