"""Text as engines take it: UTF-8. Half a character (a lone surrogate, as from broken bytes on a pipe) is none."""

from __future__ import annotations

from workbench.errors import EngineError


def refused() -> EngineError:
    """What is said of half a character."""
    return EngineError("the text holds half a character (a lone surrogate)", hint="type it again")


def check(text: str) -> None:
    """Raise EngineError where `text` has no UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise refused() from None
