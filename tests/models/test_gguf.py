"""GGUF headers: the real models, made-up ones, broken ones and noise."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import EngineError
from workbench.models.fit import estimate, kv_bytes
from workbench.models.gguf import read_header


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def build(*pairs: bytes, tensors: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs)) + b"".join(pairs)


def pair(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def test_the_starter(starter: Path) -> None:
    header = read_header(starter)
    assert header.architecture == "llama"
    assert header.parameters == 134_515_008
    assert header.quantization == "Q4_1"
    assert header.context_length == 8192
    assert header.vocabulary == 49_152


def test_gemma(gemma: Path) -> None:
    header = read_header(gemma)
    assert (header.architecture, header.vocabulary, header.quantization) == ("gemma3", 262_144, "Q4_K_M")


def test_the_cache_is_what_llama_cpp_logs(starter: Path, gemma: Path) -> None:
    """research/engine.md: smol 90 MiB at 4096 cells; gemma 12 MiB global and 60 MiB sliding with eight lanes."""
    assert kv_bytes(read_header(starter), 4096) == 90 * 2**20
    assert kv_bytes(read_header(gemma), 4096, lanes=8) == 72 * 2**20


@pytest.mark.parametrize(("room", "verdict"), [(10**12, "fits"), (10**6, "too big")])
def test_a_verdict_follows_the_room(starter: Path, room: int, verdict: str) -> None:
    fit = estimate(starter, context=4096, available=room)
    assert fit.verdict == verdict
    assert fit.low < fit.weights + fit.kv + fit.compute + 150 * 2**20 < fit.high


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(build(pair("general.architecture", "llama"), pair("general.name", "\x1b[2Jevil")))
    assert read_header(path).name == "\x1b[2Jevil"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no GGUF"),
        (b"PK" * 100, "no GGUF"),
        (build(version=9) + b"x" * 20, "version 9"),
        (build(pair("a", "b"))[:-1] + b"", "truncated"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60) + b"x" * 9, "broken"),
        (build(text("a") + struct.pack("<IIQ", 9, 8, 2**50)), "broken"),
        (build(text("a") + struct.pack("<IIQ", 9, 9, 3)), "broken"),
        (build(text("a") + struct.pack("<I", 99)), "broken"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(EngineError) as caught:
        read_header(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_model_says_so(tmp_path: Path, starter: Path) -> None:
    path = tmp_path / "cut.gguf"
    with starter.open("rb") as file:
        path.write_bytes(file.read(50_000_000))
    with pytest.raises(EngineError, match="truncated"):
        read_header(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_noise_never_gets_out_as_another_error(tmp_path: Path, data: bytes, begins: bool) -> None:
    path = tmp_path / "noise.gguf"
    path.write_bytes((b"GGUF\x03\0\0\0" if begins else b"") + data)
    with suppress(EngineError):
        assert read_header(path).version in (2, 3)
