"""Templates told by their hash and by what they write."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.models.page import SAMPLE, page, rendered
from workbench.models.template_known import FORMATS, renders_like, verdict

PHI = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n"
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = messages[0].content + '\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ first if loop.first else '' }}{{ m.content }}<end_of_turn>\n{% endfor %}<start_of_turn>model\n"
)


def test_the_starters_own_is_known_to_the_letter(starter: Path) -> None:
    template = page(starter).template
    assert template is not None
    sample = rendered(template.text)
    assert "to the letter" in verdict(template.sha256, sample, SAMPLE)
    assert verdict("0" * 64, sample, SAMPLE) == "it writes as ChatML does"


@pytest.mark.parametrize(
    ("template", "name"), [(PHI, "Phi 3"), (GEMMA, "Gemma"), (PHI.replace("<|end|>", "<|fin|>"), "")]
)
def test_a_template_is_told_by_what_it_writes(template: str, name: str) -> None:
    assert renders_like(rendered(template), SAMPLE) == name


def test_every_format_is_told_from_every_other() -> None:
    for name, write in FORMATS.items():
        assert renders_like(write(SAMPLE), SAMPLE) == name
    assert "no format that is known" in verdict("0" * 64, "something else", SAMPLE)
