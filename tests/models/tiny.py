"""Tiny models of odd architectures, made of zeros: llama.cpp loads them and tells how large their caches are."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from math import prod
from pathlib import Path

Value = int | float | str | list[int]

# Loads a model, makes a context of argv[2] cells for argv[3] sequences, and lets llama.cpp tell what it allocates.
_ASK = """
import sys, llama_cpp.llama_cpp as low
low.llama_backend_init()
model = low.llama_model_load_from_file(sys.argv[1].encode(), low.llama_model_default_params())
assert model
params = low.llama_context_default_params()
params.n_ctx, params.n_seq_max, params.kv_unified, params.swa_full = int(sys.argv[2]), int(sys.argv[3]), True, True
assert low.llama_init_from_model(model, params)
"""
_SIZE = re.compile(r"(KV|RS) buffer size = *([\d.]+) MiB")


def write(path: Path, architecture: str, values: dict[str, Value], tensors: dict[str, tuple[int, ...]]) -> None:
    """A GGUF file of that architecture without a vocabulary; names of `values` are without the architecture's."""
    pairs: dict[str, Value] = {"general.architecture": architecture, "tokenizer.ggml.model": "no_vocab"}
    pairs |= {f"{architecture}.{name}": value for name, value in values.items()}
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(pairs))]
    out += [_text(name) + _value(value) for name, value in pairs.items()]
    at = 0
    for name, shape in tensors.items():
        out.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at))
        at += -(-prod(shape) * 4 // 32) * 32
    head = b"".join(out)
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(at))


def allocated(path: Path, cells: int, sequences: int) -> dict[str, float]:
    """MiB of keys and values (`KV`) and of states (`RS`), as llama.cpp logs them."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(path), str(cells), str(sequences)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = {"KV": 0.0, "RS": 0.0}
    for kind, size in _SIZE.findall(done.stderr):
        found[kind] += float(size)
    return found


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, list):
        return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    return struct.pack("<II", 4, value)
