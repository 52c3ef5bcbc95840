"""The names that a foreign jinja text needs are those that minijinja misses; loops come along where lists are made."""

from __future__ import annotations

from pathlib import Path

import minijinja
import pytest

from workbench.library.compose import compose
from workbench.library.exchange import import_file
from workbench.library.exchange.jinjas import names
from workbench.library.exchange.slots import RefusedError
from workbench.library.prompt import parse
from workbench.library.template import lead

ENVIRONMENT = minijinja.Environment()


@pytest.mark.parametrize(
    "text",
    [
        "{% if tone == 'kind' %}a{% elif tone != other %}b{% endif %}",
        "{% if a and not b or c in d %}x{% endif %}",
        "{{ x | replace('a', b) }} {{ c if d else e }}",
        "{% if who is defined %}{{ who|upper }}{% endif %}",
        "{% set q = z ~ '{{no}}' %}{{ q }}",
        "{% for c in x.split(',') %}{{ loop.index }}: {{ c | trim }}{% endfor %}",
        "{% for k in [a, b] %}{{ k }}{% if k == last %}.{% endif %}{% endfor %}",
        "{% raw %}{{ n }}{% endraw %}{# {{ m }} #}{{ 도시 }}",
        "{%- if a>=b -%}x{%- endif -%}",
    ],
)
def test_names(text: str) -> None:
    assert set(names([text])) == ENVIRONMENT.undeclared_variables_in_str(text)


@pytest.mark.parametrize(
    "text",
    [
        "{% for m in history %}{{ m }}{% endfor %}",
        "{% for m in history | reverse %}{{ m }}{% endfor %}",
        "{% for k, v in table.items() %}{{ k }}{% endfor %}",
        "{% for %}",
        "{% macro f(a) %}{{ a }}{% endmacro %}",
        "{% call f() %}{% endcall %}",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        names([text])


def test_loops_and_conditions_come_along(tmp_path: Path) -> None:
    (tmp_path / "a.prompty").write_text(
        "---\nname: a\ninputs:\n  most: {type: integer}\n  tone: {type: string, enum: [kind, terse]}\n---\nsystem:\n"
        '{% for item in topics.split(",") %}- {{ item | trim }}\n{% endfor %}'
        "{% if tone == 'kind' %}Be kind.{% endif %}{% for n in range(most) %}{{ n }}{% endfor %}\n"
    )
    found = import_file(tmp_path / "a.prompty")
    assert found.refused == []
    table = found.drafts[0].table
    assert set(table["variables"]) == {"most", "tone", "topics"}
    prompt = parse(compose(table).encode(), id="a")
    (message,) = lead(prompt, {"topics": "a, b", "tone": "kind", "most": "2"})
    assert message.content == "- a\n- b\nBe kind.01"
