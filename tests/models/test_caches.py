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
            ]
        ),
        st.integers(-(2**40), 2**40) | st.text(max_size=3) | st.lists(st.integers(-5, 5), max_size=3),
    ),
    architecture=st.sampled_from(["llama", "mamba", "rwkv7", "qwen3next", "falcon-h1", "deepseek2", "x"]),
)
def test_no_header_makes_it_negative_or_fail(values: dict[str, Any], architecture: str) -> None:
    kv = {"general.architecture": architecture, **{f"{architecture}.{name}": value for name, value in values.items()}}
    assert cache_bytes(Header(Path("x"), 3, kv, (), 0), 4096, LoadOptions()) >= 0
