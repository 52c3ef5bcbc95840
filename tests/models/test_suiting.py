"""Quantisations in plain words, and which file suits a machine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from workbench.models.gguf import FILE_TYPES
from workbench.models.quantization import line, of_name
from workbench.models.suiting import Room, recommended, room, verdict

GB = 10**9


@dataclass(frozen=True)
class File:
    quantization: str
    size: int


SIZES = {"Q2_K": 3, "Q4_K_M": 5, "Q5_K_M": 6, "Q6_K": 7, "Q8_0": 9}
EIGHT = [File(name, size * GB) for name, size in SIZES.items()]


@pytest.mark.parametrize(
    ("name", "quantization"),
    [
        ("Llama-3-8B-Instruct.Q4_K_M.gguf", "Q4_K_M"),
        ("x-IQ3_XXS-00001-of-00002.gguf", "IQ3_XXS"),
        ("Qwen3-8B-UD-Q4_K_XL.gguf", "Q4_K_XL"),
        ("Qwen3-8B-Q3_K_L.gguf", "Q3_K_L"),
        ("model.i1-q5_k_s.gguf", "Q5_K_S"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("x-TQ2_0.gguf", "TQ2_0"),
        ("model.gguf", ""),
    ],
)
def test_a_files_name_says_its_quantisation(name: str, quantization: str) -> None:
    assert of_name(name) == quantization


def test_every_quantisation_has_a_plain_line() -> None:
    assert "usual choice" in line("Q4_K_M")
    assert all(line(name) for name in FILE_TYPES.values())
    assert line("Q4_K_XL").startswith("as Q4_K_M, ")
    assert line("Q2_K_L").startswith("as Q2_K, ")
    assert line("Q8_K_XL").startswith("as Q8_0, ")
    assert line("Q9_X") == line("") == line("Q9_K_XL") == ""


@pytest.mark.parametrize(
    ("free", "best", "why"),
    [
        (Room(32 * GB), "Q8_0", "leaves more than half of the free memory"),
        (Room(9 * GB), "Q6_K", "largest that leaves room"),
        (Room(4 * GB), "Q2_K", "largest that leaves room"),
        (Room(32 * GB, 10 * GB), "Q4_K_M", "leaves more than half of the free VRAM"),
        (Room(32 * GB, 2 * GB), "Q8_0", "a part of its layers stays in RAM"),
        (Room(1 * GB), "", "choose a smaller model"),
    ],
)
def test_the_recommended_file_and_why(free: Room, best: str, why: str) -> None:
    at, said = recommended(EIGHT, free)
    assert (EIGHT[at].quantization if at >= 0 else "") == best
    assert why in said


def test_files_of_no_known_quantisation_are_taken_by_their_size() -> None:
    files = [File("", GB), File("", 2 * GB), File("", 9 * GB)]
    assert recommended(files, Room(4 * GB))[0] == 1


@pytest.mark.parametrize(
    ("size", "free", "says"),
    [
        (5, Room(10), "fits"),
        (7, Room(10), "tight"),
        (9, Room(10), "too big"),
        (7, Room(10, 10), "fits"),
        (15, Room(10, 10), "tight"),
        (17, Room(10, 10), "too big"),
    ],
)
def test_a_verdict(size: int, free: Room, says: str) -> None:
    assert verdict(File("Q4_K_M", size * GB), Room(free.ram * GB, free.vram * GB)) == says


def test_vram_counts_where_layers_can_go_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.hardware.memory.available", lambda: 10 * GB)
    monkeypatch.setattr("workbench.models.fit.free_vram", lambda: 5 * GB)
    monkeypatch.setattr("workbench.hardware.gpu.offload_built", lambda: False)
    assert room() == Room(10 * GB)
    monkeypatch.setattr("workbench.hardware.gpu.offload_built", lambda: True)
    assert room() == Room(10 * GB, 5 * GB)
    assert room().said == "5.0 GB of VRAM and 10.0 GB of RAM free"
