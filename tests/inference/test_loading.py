"""Load settings: checked by name, and taken by llama.cpp."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inference.contract import ask, end_of, run
from workbench.errors import EngineError, SettingError
from workbench.hardware import memory
from workbench.inference import loading
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine


def test_every_option_has_a_setting_and_its_default_passes() -> None:
    assert set(loading.SPECS) == set(LoadOptions.__struct_fields__)
    for name, spec in loading.SPECS.items():
        assert loading.check(name, spec.default) == spec.default
        assert spec.help
    assert loading.changed(LoadOptions()) == {}


def test_the_page_on_models_has_each() -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text()
    for name, spec in loading.SPECS.items():
        assert f"| `{name}` |" in page
        assert spec.help in page, name


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        ("context_length", "8192", 8192),
        ("mmap", "off", False),
        ("mlock", True, True),
        ("kv_type", "q8_0", "q8_0"),
        ("tensor_split", "3, 1", (3.0, 1.0)),
        ("tensor_split", [1, 1], (1.0, 1.0)),
        ("rope_freq_scale", "0.5", 0.5),
    ],
)
def test_values_as_a_form_or_a_file_gives_them(name: str, value: object, made: object) -> None:
    options = loading.make({name: value})
    assert getattr(options, name) == made
    assert loading.changed(options) == {name: made}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("kv_typ", "q8_0", "did you mean kv_type?"),
        ("kv_type", "q9", "none of f16, q8_0, q4_0"),
        ("mmap", "perhaps", "neither on nor off"),
        ("tensor_split", "3, x", "no list of numbers"),
        ("tensor_split", "-1", "out of range"),
        ("batch", 8, "32 to 4096"),
        ("threads", "many", "not a whole number"),
    ],
)
def test_what_is_wrong_is_said(name: str, value: object, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        loading.make({name: value})


@pytest.mark.parametrize(
    "options",
    [
        LoadOptions(mmap=False, kv_type="q8_0"),
        LoadOptions(kv_type="f16", kv_type_v="q8_0", batch=64, lanes=2),
        LoadOptions(rope_scaling="linear", rope_freq_scale=0.5, split_mode="none", tensor_split=(1.0,)),
    ],
)
async def test_a_model_is_loaded_so(starter: Path, options: LoadOptions) -> None:
    engine = LocalEngine(starter, loading.make({"context_length": 512, "threads": 1}, options))
    try:
        info = await engine.load()
        assert info.options == engine.options
        assert engine.pid is not None
        assert info.size < memory.taken(engine.pid) < info.size + 400_000_000
        assert end_of(await run(engine, ask("a", max_tokens=4)), "a").completion_tokens == 4
    finally:
        await engine.close()


async def test_a_context_beyond_the_trained_one_needs_stretched_positions(starter: Path) -> None:
    engine = LocalEngine(starter, LoadOptions(context_length=16_384, threads=1))
    try:
        with pytest.raises(EngineError, match="rope_scaling"):
            await engine.load()
    finally:
        await engine.close()
    engine = LocalEngine(starter, LoadOptions(context_length=16_384, threads=1, lanes=1, rope_scaling="yarn"))
    try:
        assert (await engine.load()).context_length == 16_384
    finally:
        await engine.close()
