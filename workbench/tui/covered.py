"""A screen that does not paint while another one covers it whole: Textual paints both, the one above anew each time."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import Screen

Result = TypeVar("Result")


class CoverableScreen(Screen[Result]):
    """A screen that others are put on."""

    @property
    def is_current(self) -> bool:
        """Whether anything of it is seen."""
        stack = self.app._screen_stack if self.is_attached else []
        above = stack[stack.index(self) + 1 :] if self in stack else []
        return super().is_current and all(screen.styles.background.a < 1 for screen in above)
