"""Measured shapes are remembered, and a bad file is no more than no hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.inference.engine import LoadOptions
from workbench.inference.local.hints import Shapes
from workbench.remembered import LIMIT

OPTIONS = LoadOptions(threads=2)


def model(tmp_path: Path, size: int = 10) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x" * size)
    return path


def test_a_shape_comes_back_for_the_same_file_threads_and_offload(tmp_path: Path) -> None:
    shapes, path = Shapes(tmp_path / "cache" / "shapes.json"), model(tmp_path)
    assert shapes.recall(path, OPTIONS) == 0
    shapes.remember(path, OPTIONS, 4)
    assert Shapes(tmp_path / "cache" / "shapes.json").recall(path, OPTIONS) == 4
    assert shapes.recall(path, LoadOptions(threads=3)) == 0
    assert shapes.recall(path, LoadOptions(threads=2, offload=0)) == 0
    assert shapes.recall(model(tmp_path, 11), OPTIONS) == 0


def test_the_newest_measurement_counts_and_the_oldest_goes(tmp_path: Path) -> None:
    shapes, path = Shapes(tmp_path / "shapes.json"), model(tmp_path)
    for threads in range(1, LIMIT + 2):
        shapes.remember(path, LoadOptions(threads=threads), 2)
    assert shapes.recall(path, LoadOptions(threads=1)) == 0
    assert shapes.recall(path, LoadOptions(threads=2)) == 2
    shapes.remember(path, LoadOptions(threads=2), 8)
    assert shapes.recall(path, LoadOptions(threads=2)) == 8


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": "b"}', b"[" * 100_000, b'{"a": true}'])
def test_a_bad_file_is_no_hint_and_is_replaced(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "shapes.json").write_bytes(data)
    shapes, path = Shapes(tmp_path / "shapes.json"), model(tmp_path)
    assert shapes.recall(path, OPTIONS) == 0
    shapes.remember(path, OPTIONS, 4)
    assert shapes.recall(path, OPTIONS) == 4


@pytest.mark.parametrize("shape", [0, -1, 65])
def test_a_shape_that_cannot_be_is_not_kept(tmp_path: Path, shape: int) -> None:
    shapes = Shapes(tmp_path / "shapes.json")
    shapes.remember(model(tmp_path), OPTIONS, shape)
    assert not (tmp_path / "shapes.json").exists()


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shapes = Shapes(tmp_path / "file" / "shapes.json")
    shapes.remember(model(tmp_path), OPTIONS, 4)
    assert shapes.recall(model(tmp_path), OPTIONS) == 0
