"""Sampler settings: every one has a spec, ranges hold, and an error names the setting and its range."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SamplingError
from workbench.inference.sampling import SPECS, Sampling, brief, changed, check, make


def test_every_setting_has_a_spec_and_every_spec_a_setting() -> None:
    assert set(SPECS) == {field.name for field in msgspec.structs.fields(Sampling)}


@pytest.mark.parametrize("name", SPECS)
def test_default_and_neutral_pass_their_own_check(name: str) -> None:
    spec = SPECS[name]
    assert check(name, spec.default) == spec.default
    assert check(name, spec.neutral) == spec.neutral
    assert spec.help
    assert len(spec.help) < 70


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temprature", 1, "did you mean temperature?"),
        ("temperature", -1, "temperature goes from 0 to 100"),
        ("temperature", "warm", "is not a number"),
        ("temperature", float("nan"), "out of range"),
        ("top_k", 1.5, "is not a whole number"),
        ("top_k", True, "is not a whole number"),
        ("top_p", 1.1, "top_p goes from 0 to 1"),
        ("seed", 2**32, "out of range"),
        ("logit_bias", "x", "id:bias"),
        ("logit_bias", "5:200", "from -100 to 100"),
        ("stop", [""], "must be texts"),
        ("grammar", 3, "must be text"),
        ("max_tokens", 0, "out of range"),
    ],
)
def test_a_wrong_value_is_named_with_its_range(name: str, value: object, said: str) -> None:
    with pytest.raises(SamplingError) as caught:
        make({name: value})
    assert said in str(caught.value)


def test_text_as_a_shell_gives_it() -> None:
    made = make({"temperature": "0.2", "top_k": "5", "logit_bias": "3:-1.5, 7:2", "stop": "END"})
    assert made == Sampling(temperature=0.2, top_k=5, logit_bias={3: -1.5, 7: 2.0}, stop=("END",))
    assert changed(made) == {"temperature": 0.2, "top_k": 5, "logit_bias": {3: -1.5, 7: 2.0}, "stop": ("END",)}
    assert brief(made) == "t0.2 k5 stop logit_bias"


@given(st.floats(0, 100), st.integers(0, 1000), st.integers(0, 2**32 - 1))
def test_a_sampling_survives_the_wire(temperature: float, top_k: int, seed: int) -> None:
    made = make({"temperature": temperature, "top_k": top_k, "seed": seed, "stop": ["a", "b"]})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Sampling) == made
