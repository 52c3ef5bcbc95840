"""Chat templates: a stranger's program, under a limit, with a place for the system text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.inference.worker_pipe import chat
from workbench.errors import EngineError
from workbench.inference.engine import Message
from workbench.inference.local.templates import Renderer

Make = Callable[..., Renderer]
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
)
DEAF = "{% for m in messages if m['role'] != 'system' %}[{{ m['role'] }}: {{ m['content'] }}]{% endfor %}"


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Renderer] = []

    def one(template: str | None, limit: float = 0.5) -> Renderer:
        made.append(Renderer(template, "<bos>", "<eos>", limit=limit))
        return made[-1]

    yield one
    for renderer in made:
        renderer.close()


def test_chatml_when_the_file_has_none(make: Make) -> None:
    renderer = make(None)
    assert not renderer.given
    assert renderer.render(chat("Hi", "Be kind")) == (
        "<|im_start|>system\nBe kind<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert not renderer.render(chat("Hi"), generation_prompt=False).endswith("assistant\n")


@pytest.mark.parametrize("template", [GEMMA, DEAF])
def test_the_system_text_goes_into_the_first_turn_where_there_is_no_place_for_it(make: Make, template: str) -> None:
    renderer = make(template)
    assert "Be kind\n\nHi" in renderer.render(chat("Hi", "Be kind"))
    assert "Be kind" in renderer.render((Message("system", "Be kind"),))
    assert "system" not in renderer.render(chat("Hi", "Be kind"))


def test_a_systems_text_that_the_template_places_stays_there(make: Make) -> None:
    shown = "{% for m in messages %}{{ m['role'] }}={{ m['content'] | trim }};{% endfor %}"
    assert make(shown).render(chat("Hi", " Be kind\n")) == "system=Be kind;user=Hi;"


@pytest.mark.parametrize(
    "hostile",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set n = messages | length + 8 %}{{ n ** (n ** n) }}",
        "{{ 'x' * 10 ** 11 }}",
        "{% set n = namespace(s='x') %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(999) %}{{ 'x' * 999 }}{% endfor %}{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ raise_exception('no') }}",
        "{% if %}",
    ],
)
def test_a_hostile_template_is_an_error_and_the_next_is_served(make: Make, hostile: str) -> None:
    renderer = make("{% if messages[0]['content'] == 'go' %}" + hostile + "{% endif %}ok")
    with pytest.raises(EngineError, match="template"):
        renderer.render(chat("go"))
    if hostile != "{% if %}":
        assert renderer.render(chat("stay")) == "ok"


def test_a_template_that_never_ends_is_not_tried_for_ever(make: Make) -> None:
    renderer = make("{{ 9 ** (9 ** 9) }}", limit=0.05)
    for _ in range(3):
        with pytest.raises(EngineError, match="stopped"):
            renderer.render(chat("go"))
    with pytest.raises(EngineError, match="does not end"):
        renderer.render(chat("go"))
