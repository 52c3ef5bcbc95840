"""The local engine keeps the contract on both real models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.inference.contract import EngineContract
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine


class TestStarter(EngineContract):
    """SmolLM2: llama architecture, BPE tokenizer."""

    @pytest.fixture
    async def engine(self, starter: Path) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(starter, LoadOptions(context_length=512, threads=1))
        await engine.load()
        yield engine
        await engine.close()


class TestGemma(EngineContract):
    """Gemma 3: sliding window, SentencePiece tokenizer with 262,144 words, no system role."""

    @pytest.fixture
    async def engine(self, gemma: Path) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(gemma, LoadOptions(context_length=512, threads=1))
        await engine.load()
        yield engine
        await engine.close()
