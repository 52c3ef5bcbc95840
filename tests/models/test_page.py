"""A model's page: what the file says, its weights by type, its template looked at and rendered in its own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.test_catalog import small
from workbench.errors import EngineError
from workbench.inference.engine import LoadOptions
from workbench.models import template_check
from workbench.models.advice import advice, wanted
from workbench.models.fit import estimate
from workbench.models.page import page, rendered


def test_the_starters_page(starter: Path) -> None:
    found = page(starter)
    assert found.metadata["general.architecture"] == "llama"
    assert "tokenizer.chat_template" not in found.metadata
    assert sum(each.parameters for each in found.weights) == 134_515_008
    assert found.weights[0].type == "Q4_1"
    assert found.weights == sorted(found.weights, key=lambda each: -each.bytes)
    template = found.template
    assert template is not None
    assert (template.family, template.warnings) == ("ChatML", [])
    assert len(template.sha256) == 64
    assert "<|im_start|>user\nHow are you?<|im_end|>" in rendered(template.text)


def test_a_model_without_a_template(gemma: Path) -> None:
    assert page(gemma).template is None


@pytest.mark.parametrize(
    ("text", "line", "said", "serious"),
    [
        ("a\n{{ ''.__class__ }}", 2, "double underscores", True),
        ("{{ x | attr('y') }}", 1, "attr", True),
        ("{% include 'x' %}", 1, "other templates", True),
        ("{{ cycler.x }}", 1, "way out", True),
        ("{{ os.popen('x') }}", 1, "run programs", True),
        ("see https://x.example", 1, "an address", False),
        ("a\n\n{% if 'bank' in message.content %}", 3, "what a message says", False),
        ("{% for i in range(99999999) %}", 1, "long loop", True),
        ("a\u200bb", 1, "not seen", True),
    ],
)
def test_what_is_out_of_the_ordinary(text: str, line: int, said: str, serious: bool) -> None:
    found = template_check.warnings(text)
    assert any(said in each.what and each.line == line and each.serious == serious for each in found), found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<start_of_turn>user", "Gemma"),
        ("<|start_header_id|>x<|end_header_id|>", "Llama 3"),
        ("[INST] x [/INST]", "Mistral, Llama 2"),
        ("nothing known", ""),
    ],
)
def test_the_family(text: str, name: str) -> None:
    assert template_check.family(text) == name


def test_a_template_that_does_not_render_or_end() -> None:
    with pytest.raises(EngineError, match="template"):
        rendered("{{ nope(")
    with pytest.raises(EngineError, match="stopped"):
        rendered("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")


def test_shards_count_together(tmp_path: Path) -> None:
    for number in (1, 2):
        small(tmp_path / f"m-0000{number}-of-00002.gguf")
    assert estimate(tmp_path / "m-00001-of-00002.gguf").weights == 2 * 32 * 4
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(EngineError):
        estimate(tmp_path / "m-00001-of-00002.gguf")


def test_what_would_make_it_fit(starter: Path) -> None:
    wish = wanted(starter, LoadOptions(context_length=8192, lanes=8))
    assert wish.fit(1 << 40).verdict == "fits"
    assert advice(wish, 1 << 40) == []
    need = wish.fit(1).high
    lines = advice(wish, int(need * 0.7))
    assert lines[0].startswith("a KV cache in q8_0")
    assert any("a context of 4,096 tokens instead of 8,192" in line for line in lines)
    assert any("lanes instead of 8" in line for line in lines)
    for line in advice(wish, 1 << 20):
        assert "smaller quantisation" in line
