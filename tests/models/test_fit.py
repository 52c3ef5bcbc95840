"""What a model takes, against llama.cpp's own log (0.3.36, CPU, 4096 cells, batch 512, 8 lanes, 64 rows of logits)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.models.test_gguf import small
from workbench.hardware.gpu import Gpu
from workbench.inference import loading
from workbench.inference.engine import LoadOptions
from workbench.models.caches import kv_bytes
from workbench.models.fit import OVERHEAD, compute_bytes, estimate, free_vram, holds
from workbench.models.gguf import read_header

MIB = 2**20


def at(context: int, **more: Any) -> LoadOptions:
    return loading.make({"context_length": context, "lanes": 1, "offload": 0, **more})


def test_the_cache_is_what_llama_cpp_logs(starter: Path, gemma: Path) -> None:
    smol, other = read_header(starter), read_header(gemma)
    assert kv_bytes(smol, 4096) == 90 * MIB
    assert kv_bytes(smol, 8192) == 180 * MIB
    assert kv_bytes(other, 4096) == (12 + 60) * MIB
    assert kv_bytes(other, 8192) == (24 + 120) * MIB
    assert kv_bytes(other, 8192, lanes=8, whole_window=False) == (24 + 60 * 4608 // 4096 + 0.5) * MIB


@pytest.mark.parametrize(("cells", "smol", "other"), [(4096, 18.03 + 3.19, 67.10 + 17.0), (8192, 22.14 + 3.19, 82.44)])
def test_buffers_are_near_what_llama_cpp_logs(
    starter: Path, gemma: Path, cells: int, smol: float, other: float
) -> None:
    assert compute_bytes(read_header(starter), cells, lanes=8) / MIB == pytest.approx(smol, rel=0.1)
    assert compute_bytes(read_header(gemma), cells, lanes=8) / MIB == pytest.approx(other, rel=0.15)


def test_heads_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(small())
    assert kv_bytes(read_header(path), 100) == 100 * (2 + 4) * 32 * 2  # keys and values of 16


@pytest.mark.parametrize(("room", "verdict"), [(10**12, "fits"), (10**6, "too big")])
def test_a_verdict_follows_the_room(starter: Path, room: int, verdict: str) -> None:
    fit = estimate(starter, at(4096), available=room)
    assert fit.verdict == verdict
    assert fit.low < fit.weights + fit.kv + fit.compute + OVERHEAD < fit.high
    assert estimate(read_header(starter), at(4096), available=(fit.low + fit.high) // 2).verdict == "tight"


def test_memory_that_does_not_hold_both_says_the_numbers(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert holds([], starter, LoadOptions()) == (True, "")
    monkeypatch.setattr("workbench.hardware.memory.available", lambda: MIB)
    good, reason = holds([Path("/x/other.gguf")], starter, LoadOptions())
    assert not good
    assert reason == f"{starter.stem} needs 0.2 GiB, 0.0 GiB are free beside other"
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"nonsense")
    assert holds([starter], bad, LoadOptions()) == (True, "")  # loading it says what is wrong


@pytest.mark.parametrize(("used", "good"), [(0, True), (80 * 2**30 - MIB, False)])
def test_all_layers_on_a_card_are_counted_there(
    starter: Path, monkeypatch: pytest.MonkeyPatch, used: int, good: bool
) -> None:
    def read(self: Any) -> tuple[Gpu, ...]:
        return (Gpu("H100", 0.0, used, 80 * 2**30, 40.0),)

    monkeypatch.setattr("workbench.hardware.gpu.offload_built", lambda: True)
    monkeypatch.setattr("workbench.hardware.gpu.Nvidia.read", read)
    assert holds([], starter, LoadOptions())[0] is good
    assert holds([], starter, LoadOptions(offload=0))[0] is True


def test_the_cards_that_hold_a_model(starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def card(used: int, *, shared: bool = False) -> Gpu:
        return Gpu("card", 0.0, used * MIB, 1000 * MIB, 40.0, shared=shared)

    monkeypatch.setattr("workbench.hardware.gpu.offload_built", lambda: True)
    monkeypatch.setattr("workbench.hardware.gpu.Nvidia.read", lambda self: (card(0), card(990)))
    monkeypatch.setattr("workbench.hardware.amd.Amd.read", lambda self: (card(500), card(0, shared=True)))
    assert free_vram() == (1000 + 10 + 500) * MIB
    split = estimate(starter, at(512, offload=-1))
    alone = estimate(starter, at(512, offload=-1, split_mode="none", main_gpu=1))
    assert (split.place, split.available, split.verdict) == ("VRAM", 1510 * MIB, "fits")
    assert (alone.place, alone.available, alone.verdict) == ("VRAM", 10 * MIB, "too big")
