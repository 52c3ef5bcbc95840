"""Caches of models that do not simply attend, against llama.cpp's formulas worked out by hand for known models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.inference.engine import LoadOptions
from workbench.models.caches import cache_bytes, kv_bytes, state_bytes
from workbench.models.gguf import Header


def header(architecture: str, **values: Any) -> Header:
    """A header; `__` in a name is a dot."""
    kv = {f"{architecture}.{name.replace('__', '.')}": value for name, value in values.items()}
    return Header(Path("x.gguf"), 3, {"general.architecture": architecture, **kv}, (), 0)


DEEPSEEK = {
    "block_count": 27,
    "embedding_length": 2048,
    "attention__head_count": 16,
    "attention__head_count_kv": 1,
    "attention__key_length": 576,  # kv_lora_rank 512 + 64 of RoPE
    "attention__value_length": 512,
}


def test_latent_attention_keeps_one_row_of_keys_and_no_values() -> None:
    latent = header("deepseek2", **DEEPSEEK, attention__key_length_mla=192, attention__value_length_mla=128)
    assert kv_bytes(latent, 4096) == 27 * 4096 * 576 * 2
    assert kv_bytes(header("deepseek2", **DEEPSEEK), 4096) == 27 * 4096 * (576 + 512) * 2  # a file of before


def test_mamba_keeps_a_state_a_sequence_and_nothing_a_token() -> None:
    sizes = {"ssm__conv_kernel": 4, "ssm__inner_size": 1536, "ssm__state_size": 16}
    mamba = header("mamba", block_count=24, embedding_length=768, **sizes)
    each = 24 * (3 * 1536 + 16 * 1536) * 4
    assert kv_bytes(mamba, 100_000) == 0
    assert state_bytes(mamba, 1) == each
    options = LoadOptions(lanes=4)
    assert cache_bytes(mamba, 1000, options) == cache_bytes(mamba, 100_000, options) == 5 * each


def test_hybrids_attend_in_some_layers(tmp_path: Path) -> None:
    heads = [0, 0, 0, 8]
    sizes = {"ssm__conv_kernel": 4, "ssm__inner_size": 8192, "ssm__state_size": 16}
    jamba = header(
        "jamba", block_count=4, embedding_length=4096, attention__head_count=32, attention__head_count_kv=heads, **sizes
    )
    assert kv_bytes(jamba, 1024) == 1024 * 8 * (128 + 128) * 2
    assert state_bytes(jamba, 2) == 2 * 3 * (3 * 8192 + 16 * 8192) * 4
    every = {"ssm__conv_kernel": 4, "ssm__inner_size": 4096, "ssm__state_size": 128, "ssm__group_count": 16}
    shape = {"attention__head_count": 16, "attention__head_count_kv": 2, "attention__key_length": 256}
    qwen = header("qwen3next", block_count=8, embedding_length=2048, attention__value_length=256, **shape, **every)
    assert kv_bytes(qwen, 100) == 2 * 100 * 2 * 512 * 2
    assert state_bytes(qwen, 1) == 6 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096) * 4


@pytest.mark.parametrize(
    ("made", "values"),
    [
        (header("rwkv7", block_count=2, embedding_length=768, wkv__head_size=64), (2 + 64) * 768),
        (
            header("lfm2", block_count=2, embedding_length=1024, shortconv__l_cache=3, attention__head_count_kv=[0, 0]),
            2 * 1024,
        ),
    ],
)
def test_other_states(made: Header, values: int) -> None:
    assert state_bytes(made, 3) == 2 * 3 * values * 4


def test_kimi_keeps_a_matrix_a_head_where_it_does_not_attend() -> None:
    sizes = {"attention__key_length": 576, "attention__key_length_mla": 192, "attention__value_length_mla": 128}
    kimi = header(
        "kimi-linear",
        block_count=4,
        embedding_length=2304,
        attention__head_count=32,
        attention__head_count_kv=[0, 0, 0, 1],
        ssm__conv_kernel=4,
        kda__head_dim=128,
        **sizes,
    )
    assert kv_bytes(kimi, 1000) == 1000 * 576 * 2
    assert state_bytes(kimi, 1) == 3 * (3 * 3 * 32 * 128 + 128 * 128 * 32) * 4


def test_a_layer_that_is_a_feed_forward_alone_keeps_nothing() -> None:
    sizes = {"ssm__conv_kernel": 4, "ssm__inner_size": 7680, "ssm__state_size": 128, "ssm__group_count": 8}
    shape = {"attention__head_count": 40, "attention__key_length": 128, "attention__value_length": 128}
    nemotron = header(
        "nemotron_h",
        block_count=4,
        embedding_length=4480,
        feed_forward_length=[0, 15680, 0, 15680],
        attention__head_count_kv=[0, 0, 8, 0],
        **shape,
        **sizes,
    )
    assert kv_bytes(nemotron, 10) == 10 * 8 * 256 * 2
    assert state_bytes(nemotron, 1) == (3 * (7680 + 2 * 8 * 128) + 128 * 7680) * 4


def test_layers_that_share_a_cache_or_only_predict_ahead_have_none() -> None:
    sizes = {"embedding_length": 2048, "attention__head_count": 8, "attention__head_count_kv": 2}
    assert kv_bytes(header("glm4moe", block_count=5, nextn_predict_layers=1, **sizes), 10) == 4 * 10 * 2 * 512 * 2
    assert kv_bytes(header("gemma3n", block_count=30, **sizes), 10) == 20 * 10 * 2 * 512 * 2
    swa = {"attention__sliding_window": 512, "attention__sliding_window_pattern": [True, True, False, True, True]}
    small = {"attention__key_length_swa": 128, "attention__value_length_swa": 128}
    gemma = header("gemma4", block_count=5, attention__shared_kv_layers=2, **swa, **small, **sizes)
    assert kv_bytes(gemma, 10) == 10 * 2 * (2 * 256 + 512) * 2
    assert kv_bytes(gemma, 1000, whole_window=False, batch=88) == 2 * (2 * 600 * 256 + 1000 * 512) * 2


def test_which_layers_attend_may_be_listed() -> None:
    sizes = {"ssm__conv_kernel": 4, "ssm__inner_size": 64, "ssm__state_size": 16, "attention__head_count": 4}
    listed = {"attention__recurrent_layers": [True, False, True, True]}
    qwen = header("qwen35", block_count=4, embedding_length=64, attention__head_count_kv=2, **sizes, **listed)
    assert kv_bytes(qwen, 10) == 10 * 2 * 32 * 2
    assert state_bytes(qwen, 1) == 3 * (3 * 64 + 16 * 64) * 4


@given(
    values=st.dictionaries(
        st.sampled_from(
            [
                "block_count",
                "embedding_length",
                "attention.head_count",
                "ssm.inner_size",
                "ssm.conv_kernel",
                "wkv.head_size",
                "nextn_predict_layers",
                "attention.shared_kv_layers",
                "full_attention_interval",
            ]
        ),
        st.integers(-(2**40), 2**40)
        | st.integers(-3, 40)
        | st.text(max_size=3)
        | st.lists(st.integers(-5, 5), max_size=3),
    ),
    architecture=st.sampled_from(["llama", "mamba", "rwkv7", "qwen3next", "falcon-h1", "deepseek2", "x"]),
)
def test_no_header_makes_it_negative_or_fail(values: dict[str, Any], architecture: str) -> None:
    kv = {"general.architecture": architecture, **{f"{architecture}.{name}": value for name, value in values.items()}}
    assert cache_bytes(Header(Path("x"), 3, kv, (), 0), 4096, LoadOptions()) >= 0
