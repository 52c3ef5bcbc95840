"""What a model remembers of the tokens it read, in bytes, from its header: keys and values, and recurrent states.

Keys and values: cells · kv heads · (key + value size) · bytes of a value, over the layers that attend. With multi-head
latent attention (MLA: DeepSeek and others) one compressed row of keys stands for both, and there are no values
(llama.cpp, llama-kv-cache.cpp: `has_v = !is_mla`). A recurrent layer keeps one state a sequence, however long it is
(llama-hparams.cpp: `n_embd_r`, `n_embd_s`); which layers those are, each model's loader says (src/models: `is_recr`).
Layers that predict tokens ahead, and those that use an earlier layer's cache, have none (`n_layer_kv_from_start`).
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.inference.engine import LoadOptions
from workbench.models.gguf import Header

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
STATE_BYTES = 4  # states are f32
MAX_LAYERS = 512  # llama.cpp's LLAMA_MAX_LAYERS
_GLOBAL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2}  # one layer in so many sees it all
_ALL_RECURRENT = {"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"}
_BOTH = {"falcon-h1"}  # every layer attends and has a state
_ATTENDS_EVERY = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}  # unless `full_attention_interval` says another
_BARE = {"nemotron_h", "nemotron_h_moe"}  # a layer is one of three: it attends, has a state, or is a feed-forward


@dataclass(frozen=True)
class Layer:
    """What a layer keeps: heads of keys and values (0: it does not attend), their sizes, a window, a state."""

    heads: int
    key: int
    value: int  # 0: the keys stand for both
    local: bool  # sees a sliding window only
    state: bool


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
    window = header.number("attention.sliding_window")
    total = 0.0
    for layer in layers(header):
        held = min(cells, window * max(1, lanes) + batch) if layer.local and not whole_window else cells
        width = layer.key * KV_BYTES[kv_type] + layer.value * KV_BYTES[kv_type_v or kv_type]
        total += held * layer.heads * width
    return max(0, int(total))


def state_bytes(header: Header, sequences: int) -> int:
    """The recurrent layers' states of `sequences` sequences; 0 for a model without such layers."""
    count = sum(layer.state for layer in layers(header))
    if not count:
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
    return max(0, count * sequences * values * STATE_BYTES)


def layers(header: Header) -> list[Layer]:
    """Each layer that llama.cpp makes a cache for, from the first."""
    count = max(0, min(header.number("block_count"), MAX_LAYERS) - max(0, header.number("nextn_predict_layers")))
    query_heads = header.number("attention.head_count", 1)
    default = header.number("attention.head_count_kv", query_heads)
    heads = _each(header, "attention.head_count_kv", count, default)
    width = header.number("embedding_length") // max(1, query_heads)
    key, value = header.number("attention.key_length", width), header.number("attention.value_length", width)
    here = header.number("attention.key_length_swa", key), header.number("attention.value_length_swa", value)
    latent = header.number("attention.key_length_mla") and header.number("attention.value_length_mla")
    local, state = _local(header, count), _recurrent(header, heads)
    shared = header.number("attention.shared_kv_layers")
    kept = 20 if header.architecture == "gemma3n" else count - shared if 0 < shared < count else count
    both = header.architecture in _BOTH
    made = []
    for at in range(count):
        attends = at < kept and (both or not state[at])
        sizes = here if local[at] else (key, value)
        made.append(Layer(heads[at] if attends else 0, sizes[0], 0 if latent else sizes[1], local[at], state[at]))
    return made


def _local(header: Header, count: int) -> list[bool]:
    """Of each layer whether it sees a sliding window only."""
    if not header.number("attention.sliding_window"):
        return [False] * count
    name = "attention.sliding_window_pattern"
    every = header.number(name, _GLOBAL_EVERY.get(header.architecture, 0))
    if isinstance(header.get(name), list):
        return [bool(each) for each in _each(header, name, count, 0)]
    return [every > 1 and (layer + 1) % every != 0 for layer in range(count)]


def _recurrent(header: Header, heads: list[int]) -> list[bool]:
    """Of each layer whether it has a state."""
    count = len(heads)
    if header.architecture in _ALL_RECURRENT | _BOTH:
        return [True] * count
    if isinstance(header.get("attention.recurrent_layers"), list):
        return [bool(each) for each in _each(header, "attention.recurrent_layers", count, 0)]
    if (every := header.number("full_attention_interval", _ATTENDS_EVERY.get(header.architecture, 0))) > 0:
        return [(layer + 1) % every != 0 for layer in range(count)]
    if not any(header.number(key) for key in ("ssm.state_size", "shortconv.l_cache", "wkv.head_size", "kda.head_dim")):
        return [False] * count
    forward = _each(header, "feed_forward_length", count, 0) if header.architecture in _BARE else [0] * count
    return [each == 0 and between == 0 for each, between in zip(heads, forward, strict=True)]


def _each(header: Header, name: str, count: int, default: int) -> list[int]:
    """A value for each of `count` layers: the header has one for all, or one for each."""
    value = header.get(name)
    if isinstance(value, list) and len(value) >= count and all(isinstance(item, int) for item in value):
        return value[:count]
    return [header.number(name, default)] * count
