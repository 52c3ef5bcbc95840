"""GGUF headers: the real models, made-up ones, broken ones and noise."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import EngineError
from workbench.models.caches import kv_bytes
from workbench.models.catalog import describe
from workbench.models.fit import estimate
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


@settings(max_examples=200)
@given(st.binary(max_size=300), st.booleans())
def test_noise_never_gets_out_as_another_error(tmp_path: Path, data: bytes, begins: bool) -> None:
    path = tmp_path / "noise.gguf"
    path.write_bytes((b"GGUF\x03\0\0\0" if begins else b"") + data)
    with suppress(EngineError):
        assert read_header(path).version in (2, 3)


def small() -> bytes:
    """A whole small model file: a few keys of every type and one tensor."""
    pairs = [
        pair("general.architecture", "llama"),
        pair("general.name", "small"),
        text("general.file_type") + struct.pack("<II", 4, 7),
        text("llama.context_length") + struct.pack("<II", 4, 2048),
        text("llama.block_count") + struct.pack("<II", 4, 2),
        text("llama.embedding_length") + struct.pack("<II", 4, 64),
        text("llama.attention.head_count") + struct.pack("<II", 4, 4),
        text("llama.attention.head_count_kv") + struct.pack("<IIQII", 9, 4, 2, 2, 4),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 3) + text("a") + text("b") + text("c"),
        text("general.alignment") + struct.pack("<II", 4, 32),
    ]
    head = build(*pairs, tensors=1) + text("w") + struct.pack("<IQQIQ", 2, 64, 32, 8, 0)
    return head + b"\0" * (-len(head) % 32) + b"\0" * (64 * 32 // 32 * 34)


def test_a_small_model_whole(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(small())
    header = read_header(path)
    assert (header.name, header.quantization, header.parameters, header.vocabulary) == ("small", "Q8_0", 2048, 3)
    assert header.number("attention.head_count_kv") == 4
    path.write_bytes(small()[:-1])
    with pytest.raises(EngineError, match="truncated: 1 bytes"):
        read_header(path)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_model_is_a_row_with_its_error_or_its_numbers(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(small())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(4, len(content) - 2200))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.gguf"
    path.write_bytes(content)
    model = describe(path)
    assert model.error is None or "\n" not in model.error
    if model.error is None:
        assert kv_bytes(read_header(path), 4096, lanes=2) >= 0
        assert estimate(path, available=10**9).verdict in ("fits", "tight", "too big")


def test_a_header_without_end_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "vast.gguf"
    path.write_bytes(build(text("a") + struct.pack("<IIQ", 9, 8, 3_000_000) + struct.pack("<Q", 2**33)))
    os.truncate(path, 2**36)
    with pytest.raises(EngineError, match="broken"):
        read_header(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(EngineError, match="no GGUF"):
        read_header(tmp_path / "pipe.gguf")
