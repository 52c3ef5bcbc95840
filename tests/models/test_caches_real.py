"""Caches of latent attention, recurrent layers and hybrids against what llama.cpp itself allocates for tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.tiny import Value, allocated, write
from workbench.models.caches import kv_bytes, state_bytes
from workbench.models.gguf import read_header

WIDE, WORDS, FORWARD = 256, 64, 512
HEADS, LATENT, QUERY, PLAIN, TURNED, VALUE = 4, 64, 32, 32, 16, 32
COMMON: dict[str, Value] = {
    "context_length": 4096,
    "embedding_length": WIDE,
    "vocab_size": WORDS,
    "attention.layer_norm_rms_epsilon": 1e-5,
}
ENDS = {"token_embd.weight": (WIDE, WORDS), "output_norm.weight": (WIDE,)}
DENSE = {
    "ffn_norm.weight": (WIDE,),
    "ffn_gate.weight": (WIDE, FORWARD),
    "ffn_up.weight": (WIDE, FORWARD),
    "ffn_down.weight": (FORWARD, WIDE),
}

MAMBA_VALUES: dict[str, Value] = {
    "block_count": 2,
    "feed_forward_length": 0,
    "attention.head_count": 0,
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 512,
    "ssm.state_size": 128,
    "ssm.time_step_rank": 16,
}
MAMBA = {
    "attn_norm.weight": (WIDE,),
    "ssm_in.weight": (WIDE, 1024),
    "ssm_conv1d.weight": (4, 512),
    "ssm_conv1d.bias": (512,),
    "ssm_x.weight": (512, 16 + 2 * 128),
    "ssm_dt.weight": (16, 512),
    "ssm_dt.bias": (512,),
    "ssm_a": (128, 512),
    "ssm_d": (512,),
    "ssm_out.weight": (512, WIDE),
}

HYBRID_VALUES: dict[str, Value] = {
    "block_count": 3,
    "feed_forward_length": FORWARD,
    "attention.head_count": 4,
    "attention.head_count_kv": [0, 2, 0],
    "shortconv.l_cache": 3,
    "rope.freq_base": 1e6,
}
CONVOLVES = {
    "attn_norm.weight": (WIDE,),
    "shortconv.conv.weight": (3, WIDE),
    "shortconv.in_proj.weight": (WIDE, 3 * WIDE),
    "shortconv.out_proj.weight": (WIDE, WIDE),
}
ATTENDS = {
    "attn_norm.weight": (WIDE,),
    "attn_q_norm.weight": (64,),
    "attn_k_norm.weight": (64,),
    "attn_q.weight": (WIDE, WIDE),
    "attn_k.weight": (WIDE, 128),
    "attn_v.weight": (WIDE, 128),
    "attn_output.weight": (WIDE, WIDE),
}

LATENT_VALUES: dict[str, Value] = {
    "block_count": 2,
    "leading_dense_block_count": 2,
    "feed_forward_length": FORWARD,
    "attention.head_count": HEADS,
    "attention.head_count_kv": 1,
    "attention.q_lora_rank": QUERY,
    "attention.kv_lora_rank": LATENT,
    "attention.key_length": LATENT + TURNED,
    "attention.value_length": LATENT,
    "attention.key_length_mla": PLAIN + TURNED,
    "attention.value_length_mla": VALUE,
    "rope.dimension_count": TURNED,
    "expert_feed_forward_length": 64,
    "expert_shared_count": 1,
    "expert_weights_scale": 1.0,
    "expert_count": 4,
    "expert_used_count": 1,
}
LATENTLY = {
    "attn_norm.weight": (WIDE,),
    "attn_q_a_norm.weight": (QUERY,),
    "attn_kv_a_norm.weight": (LATENT,),
    "attn_q_a.weight": (WIDE, QUERY),
    "attn_q_b.weight": (QUERY, HEADS * (PLAIN + TURNED)),
    "attn_kv_a_mqa.weight": (WIDE, LATENT + TURNED),
    "attn_k_b.weight": (PLAIN, LATENT, HEADS),
    "attn_v_b.weight": (LATENT, VALUE, HEADS),
    "attn_output.weight": (HEADS * VALUE, WIDE),
}

Tensors = dict[str, tuple[int, ...]]


def blocks(*layers: Tensors) -> Tensors:
    return {f"blk.{at}.{name}": shape for at, layer in enumerate(layers) for name, shape in layer.items()}


@pytest.mark.parametrize(
    ("architecture", "values", "tensors", "kv", "states"),
    [
        ("mamba", MAMBA_VALUES, ENDS | blocks(MAMBA, MAMBA), False, True),
        (
            "lfm2",
            HYBRID_VALUES,
            ENDS | {"token_embd_norm.weight": (WIDE,)} | blocks(CONVOLVES | DENSE, ATTENDS | DENSE, CONVOLVES | DENSE),
            True,
            True,
        ),
        (
            "deepseek2",
            LATENT_VALUES,
            ENDS | {"output.weight": (WIDE, WORDS)} | blocks(LATENTLY | DENSE, LATENTLY | DENSE),
            True,
            False,
        ),
    ],
    ids=["recurrent", "hybrid", "latent"],
)
def test_the_caches_are_what_llama_cpp_allocates(
    tmp_path: Path, architecture: str, values: dict[str, Value], tensors: Tensors, kv: bool, states: bool
) -> None:
    if architecture == "lfm2":  # its last norm has another name
        tensors = {name: shape for name, shape in tensors.items() if name != "output_norm.weight"}
    path = tmp_path / "tiny.gguf"
    write(path, architecture, COMMON | values, tensors)
    cells, sequences = 4096, 64
    header, found = read_header(path), allocated(path, cells, sequences)
    assert (found["KV"] > 0, found["RS"] > 0) == (kv, states)
    assert kv_bytes(header, cells) / 2**20 == pytest.approx(found["KV"], abs=0.005)
    assert state_bytes(header, sequences) / 2**20 == pytest.approx(found["RS"], abs=0.005)
