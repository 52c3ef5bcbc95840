"""New prompt files: whatever the texts hold, the file says the same data, and reads well."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.compose import compose

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(
        ['"', '"""', "'''", "\\", "\\{{", "\n", "\n\n x", "a\r\nb", "\r", '"\n"', 'x"""\n', "한\n글", "\x00\x1b", "a\\"]
    ),
)
VALUES = st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False))
TABLES = st.fixed_dictionaries(
    {"kind": st.just("system"), "text": TEXTS},
    optional={
        "title": TEXTS,
        "tags": st.lists(TEXTS, max_size=3),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.just("user"), "content": TEXTS}), min_size=1, max_size=3
        ),
        "variables": st.dictionaries(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=2), min_size=1, max_size=3),
        "sampling": st.dictionaries(TEXTS, VALUES, max_size=3),
        "cases": st.lists(
            st.fixed_dictionaries(
                {"name": TEXTS, "variables": st.dictionaries(TEXTS, VALUES, max_size=2)},
                optional={"checks": st.lists(st.dictionaries(TEXTS, VALUES, max_size=2), max_size=2)},
            ),
            min_size=1,
            max_size=2,
        ),
        "own": VALUES,
        "exchange": st.dictionaries(TEXTS, VALUES, max_size=2),
    },
)


@given(TABLES)
def test_the_file_holds_the_same_data(table: dict[str, Any]) -> None:
    assert tomllib.loads(compose(table)) == table


def test_it_reads_as_the_guide_does() -> None:
    table = {
        "variables": {"topic": {"description": "what", "default": "it"}},
        "text": "One\ntwo {{topic}}.\n",
        "tags": ["a", "b"],
        "title": "T",
        "schema": 1,
        "kind": "system",
        "sampling": {"temperature": 0.5},
        "cases": [{"name": "c", "variables": {"topic": "x"}, "message": "m", "checks": [{"type": "contains"}]}],
    }
    assert compose(table) == (
        'schema = 1\nkind = "system"\ntitle = "T"\ntags = ["a", "b"]\ntext = """\nOne\ntwo {{topic}}.\n"""\n'
        '\n[variables.topic]\ndescription = "what"\ndefault = "it"\n\n[sampling]\ntemperature = 0.5\n'
        '\n[[cases]]\nname = "c"\nvariables = { topic = "x" }\nmessage = "m"\nchecks = [{ type = "contains" }]\n'
    )


def test_what_toml_does_not_have() -> None:
    with pytest.raises(PromptError, match="TOML has no NoneType"):
        compose({"kind": "system", "text": None})
