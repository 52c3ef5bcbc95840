"""Load settings remembered for each model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.inference import loading as settings
from workbench.inference.engine import LoadOptions
from workbench.models import loading

MODEL = Path("/models/a b.gguf")


def test_only_what_differs_is_kept_each_model_apart(tmp_path: Path) -> None:
    file = tmp_path / "config/models.toml"
    base = LoadOptions(context_length=2048)
    assert loading.options(MODEL, base, file=file) == base
    chosen = settings.make({"threads": 3, "mmap": False, "tensor_split": "2,1"}, base)
    loading.remember(MODEL, chosen, base, file=file)
    loading.remember(Path("/other.gguf"), LoadOptions(batch=64), file=file)
    assert loading.options(MODEL, base, file=file) == chosen
    assert loading.options(MODEL, file=file).context_length == 0
    assert loading.options(Path("/other.gguf"), file=file) == LoadOptions(batch=64)
    assert file.stat().st_mode & 0o777 == 0o600
    loading.remember(MODEL, base, base, file=file)
    assert "a b.gguf" not in file.read_text()


def test_a_link_and_its_file_are_one_model(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"GGUF")
    (tmp_path / "model.gguf").symlink_to(tmp_path / "blob")
    loading.remember(tmp_path / "model.gguf", LoadOptions(lanes=2))
    assert loading.options(tmp_path / "blob") == LoadOptions(lanes=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('["/models/a b.gguf"]\nthread = 2', "did you mean threads"),
        ('["/models/a b.gguf"]\nlanes = 100', "1 to 64"),
        ("lanes = 3", "no table"),
        ("[", "cannot read the load settings"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "models.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        loading.options(MODEL, file=file)
    assert str(file) in str(caught.value)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "context_length": st.integers(0, 1 << 20),
        "lanes": st.integers(1, 64),
        "kv_type": st.sampled_from(["f16", "q8_0", "q4_0"]),
        "mlock": st.booleans(),
        "tensor_split": st.lists(st.floats(0, 1e6), max_size=4),
        "rope_freq_base": st.floats(0, 1e9),
    },
)


@given(values=VALUES)
def test_whatever_is_set_comes_back(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    file = tmp_path_factory.mktemp("config") / "models.toml"
    chosen = settings.make(values)
    loading.remember(MODEL, chosen, file=file)
    assert loading.options(MODEL, file=file) == chosen
