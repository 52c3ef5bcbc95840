"""What the tests of checks share."""

from __future__ import annotations

import tomllib
from typing import Any

from workbench.experiments.checks.applying import apply
from workbench.experiments.checks.model import Check, Context, Verdict
from workbench.experiments.checks.reading import read
from workbench.library.reader import Reader


def check(text: str) -> Check:
    """The check that an inline table is."""
    source = f"check = {text}"
    return read(Reader(tomllib.loads(source)["check"], source, "file.toml", ("check",)))


async def verdict(text: str, answer: str, **context: Any) -> Verdict:
    """What the check says of an answer."""
    (found,) = await apply([check(text)], answer, Context(**context))
    return found
