"""The header of a GGUF file (v2, v3): what the model is, without loading it. Bounded, for files are hostile.

Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Long arrays (a tokenizer's words) are counted, not kept.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, Any

from workbench.errors import EngineError

MAGIC = b"GGUF"
MAX_PAIRS, MAX_TENSORS, MAX_STRING, MAX_ARRAY, KEEP = 100_000, 200_000, 16_000_000, 8_000_000, 1024
MAX_HEADER = 128 << 20  # the largest real ones take about 30 MB
_CHUNK = 1 << 20
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.gguf")

# type id: (name, elements a block, bytes a block); ggml.h
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}  # fmt: skip

# general.file_type; llama.h, enum llama_ftype
FILE_TYPES: dict[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One tensor: its shape, its type's name, its size in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int


@dataclass(frozen=True)
class Header:
    """What a GGUF file says of itself (strings untrusted). `size` is the file's, in bytes."""

    path: Path
    version: int
    kv: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    size: int

    def get(self, key: str, default: Any = None) -> Any:
        """`ARCHITECTURE.key` from the metadata."""
        return self.kv.get(f"{self.architecture}.{key}", default)

    def number(self, key: str, default: int = 0) -> int:
        """`ARCHITECTURE.key` as a whole number; of a short array, the largest."""
        value = self.get(key, default)
        if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
            return int(max(value))
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    @property
    def architecture(self) -> str:
        """`llama`, `gemma3`, …"""
        value = self.kv.get("general.architecture", "")
        return value if isinstance(value, str) else ""

    @property
    def name(self) -> str:
        """`general.name`, "" when there is none."""
        value = self.kv.get("general.name", "")
        return value if isinstance(value, str) else ""

    @property
    def parameters(self) -> int:
        """Weights in all."""
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def quantization(self) -> str:
        """The file type's name, or the type most weights have."""
        kind = self.kv.get("general.file_type")
        if isinstance(kind, int) and kind in FILE_TYPES:
            return FILE_TYPES[kind]
        counts: dict[str, int] = {}
        for tensor in self.tensors:
            counts[tensor.type] = counts.get(tensor.type, 0) + prod(tensor.shape)
        return max(counts, key=lambda name: counts[name]) if counts else ""

    @property
    def context_length(self) -> int:
        """Tokens it was trained on."""
        return self.number("context_length")

    @property
    def vocabulary(self) -> int:
        """Tokens in its vocabulary."""
        value = self.kv.get("tokenizer.ggml.tokens", self.number("vocab_size"))
        return len(value) if isinstance(value, list) else int(value) if isinstance(value, int) else 0


class _Reader:
    """A place in the file, read piece by piece as far as the header goes.

    Not mapped: a file that gets shorter meanwhile (a download begun again) would end the process with SIGBUS.
    """

    def __init__(self, file: IO[bytes], path: Path, size: int) -> None:
        self.file, self.path, self.size, self.at = file, path, size, 0
        self.data = bytearray()

    def error(self, what: str, hint: str = "download it again") -> EngineError:
        return EngineError(what, where=str(self.path), hint=hint)

    def need(self, end: int) -> None:
        """Have the bytes up to `end` in `data`."""
        if end <= len(self.data):
            return
        if end > MAX_HEADER and end <= self.size:
            raise self.error(f"its header is broken (over {MAX_HEADER >> 20} MiB)")
        if end <= self.size:
            self.data += self.file.read(max(end - len(self.data), _CHUNK))
        if end > len(self.data):
            raise self.error("the file ends in its header: it is truncated")

    def take(self, count: int) -> bytes:
        self.need(self.at + count)
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def number(self, code: str) -> Any:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def text(self) -> str:
        length = self.number("Q")
        if length > MAX_STRING or length > self.size:
            raise self.error(f"its header is broken (a text of {length} bytes)")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self.array()
        raise self.error(f"its header is broken (value type {kind})")

    def array(self) -> Any:
        """A list when it is short; else the number of its items."""
        kind, count = self.number("I"), self.number("Q")
        if count > MAX_ARRAY or count > self.size:
            raise self.error(f"its header is broken (an array of {count} items)")
        if kind in _SCALARS:
            code = _SCALARS[kind]
            data = self.take(count * struct.calcsize(code))
            return list(struct.unpack(f"<{count}{code}", data)) if count <= KEEP else count
        if kind != _STRING:
            raise self.error(f"its header is broken (an array of type {kind})")
        if count <= KEEP:
            return [self.text() for _ in range(count)]
        at, unpack = self.at, struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at + 8 > len(self.data):
                self.need(at + 8)
            at += 8 + int(unpack(self.data, at)[0])
        self.need(at)
        self.at = at
        return count


def read_header(path: Path) -> Header:
    """The header of the file at `path`; raises EngineError, one line: no GGUF, truncated, broken, too new."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise EngineError("no GGUF file", where=str(path), hint="name a .gguf model")
        with path.open("rb") as file:
            return _read(_Reader(file, path, os.fstat(file.fileno()).st_size))
    except OSError as error:
        raise EngineError(f"cannot read it ({error.strerror})", where=str(path)) from error
    except (struct.error, OverflowError, MemoryError, ValueError) as error:
        raise EngineError("its header is broken", where=str(path), hint="download it again") from error


def read_whole(path: Path) -> Header:
    """The header of a model, its tensors and size those of all its shards when it is split. Raises EngineError."""
    header = read_header(path)
    shard = _SHARD.fullmatch(path.name)
    if shard is None:
        return header
    tensors, size = list(header.tensors), header.size
    for number in range(1, min(int(shard["count"]), 1000) + 1):
        other = path.with_name(f"{shard['stem']}-{number:05}-of-{shard['count']}.gguf")
        if other.name != path.name:
            more = read_header(other)
            tensors += more.tensors
            size += more.size
    return replace(header, tensors=tuple(tensors), size=size)


def _read(reader: _Reader) -> Header:
    if reader.size < 24 or reader.take(4) != MAGIC:
        raise reader.error("no GGUF file", "name a .gguf model")
    version = reader.number("I")
    if version not in (2, 3):
        raise reader.error(f"GGUF version {version} is not known here", "convert it with a newer llama.cpp")
    tensor_count, pair_count = reader.number("Q"), reader.number("Q")
    if tensor_count > MAX_TENSORS or pair_count > MAX_PAIRS:
        raise reader.error(f"its header is broken ({tensor_count} tensors, {pair_count} keys)")
    kv: dict[str, Any] = {}
    for _ in range(pair_count):
        key = reader.text()
        kv[key] = reader.value(reader.number("I"))
    tensors, end = [], 0
    for _ in range(tensor_count):
        tensor, offset = _tensor(reader)
        tensors.append(tensor)
        end = max(end, offset + tensor.bytes)
    alignment = kv.get("general.alignment", 32)
    alignment = alignment if isinstance(alignment, int) and 0 < alignment <= 1 << 20 else 32
    start = -(-reader.at // alignment) * alignment
    if tensors and start + end > reader.size:
        missing = start + end - reader.size
        raise reader.error(f"it is truncated: {missing} bytes of {start + end} are missing")
    return Header(reader.path, version, kv, tuple(tensors), reader.size)


def _tensor(reader: _Reader) -> tuple[Tensor, int]:
    name = reader.text()
    dimensions = reader.number("I")
    if dimensions > 8:
        raise reader.error(f"its header is broken (a tensor of {dimensions} dimensions)")
    shape = tuple(reader.number("Q") for _ in range(dimensions))
    kind, offset = reader.number("I"), reader.number("Q")
    type_name, block, block_bytes = TYPES.get(kind, (f"type {kind}", 1, 0))
    return Tensor(name, shape, type_name, prod(shape) // block * block_bytes), offset
