"""What is said of memory that runs full: once, with who has it, and again only after it was free."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.hardware.fullness import Fullness, level
from workbench.hardware.gpu import Gpu
from workbench.hardware.snapshot import Snapshot

G = 2**30


def vram(used: float, ours: float | None = 40) -> Gpu:
    return Gpu("H100", 61.0, int(used * G), 80 * G, 71.0, memory_ours=None if ours is None else int(ours * G))


def reading(*gpus: Gpu, ram: float = 5) -> Snapshot:
    return Snapshot(gpus, int(ram * G), 24 * G, 43.0, 2 * G)


def test_it_names_the_gpu_and_who_has_it() -> None:
    said = Fullness().news(reading(vram(10), vram(76)))
    assert said == ["VRAM nearly full: GPU1 H100, 95% of 80.0 G, 40.0 G ours, 36.0 G others"]
    assert "who has it is not known" in Fullness().news(reading(vram(79, None)))[0]
    assert Fullness().news(reading(ram=23.5)) == ["RAM nearly full: 98% of 24.0 G, 2.0 G ours, 21.5 G others"]


def test_it_is_said_once_and_again_only_after_it_was_free() -> None:
    fullness = Fullness()
    steps = [(70, 0), (75.9, 0), (76, 1), (79, 0), (73, 0), (76, 0), (71.9, 0), (75, 0), (77, 1)]
    assert [len(fullness.news(reading(vram(used)))) for used, _ in steps] == [count for _, count in steps]


def test_each_memory_has_its_own() -> None:
    fullness = Fullness()
    assert len(fullness.news(reading(vram(79), vram(79), ram=24))) == 3
    assert fullness.news(reading(vram(79), vram(79), ram=24)) == []
    assert len(fullness.news(reading(vram(79), vram(79), vram(79), ram=24))) == 1


def test_shared_memory_is_told_as_ram_and_none_told_is_no_news() -> None:
    assert Fullness().news(reading(replace(vram(79), shared=True))) == []
    assert Fullness().news(Snapshot((Gpu("x", None, None, None, None),), 5, 0, 1.0)) == []


@pytest.mark.parametrize(("share", "shown"), [(0.0, ""), (0.89, ""), (0.9, "warn"), (0.969, "warn"), (0.97, "bad")])
def test_levels(share: float, shown: str) -> None:
    assert level(share) == shown


@given(st.lists(st.floats(0, 80), max_size=60))
def test_between_two_warnings_it_was_free(used: list[float]) -> None:
    fullness = Fullness()
    free = True
    for each in used:
        share = int(each * G) / (80 * G)
        free = free or share < 0.9
        if fullness.news(reading(vram(each))):
            assert free
            assert share >= 0.95
            free = False
