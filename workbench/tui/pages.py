"""Rows of a long list, read a page at a time, off the loop, when one of them is to be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

SIZE = 60  # rows of a page: a screen or two
KEPT = 40  # pages: what was seen last stays


class Pages:
    """`want` is called with (first, ids) of a page that is not there; `give` takes its rows when they were read.

    An id whose row is gone meanwhile stays empty.
    """

    def __init__(self, ids: Sequence[str], want: Callable[[int, Sequence[str]], None]) -> None:
        self.ids = ids
        self._want = want
        self._pages: dict[int, dict[str, dict[str, Any]]] = {}
        self._asked: set[int] = set()

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, index: int) -> dict[str, Any] | None:
        """The row, None while it is read."""
        if not 0 <= index < len(self.ids):
            return None
        number = index // SIZE
        page = self._pages.get(number)
        if page is not None:
            return page.get(self.ids[index])
        if number not in self._asked:
            self._asked.add(number)
            self._want(number, self.ids[number * SIZE : (number + 1) * SIZE])
        return None

    def is_read(self, index: int) -> bool:
        """Whether its page was read: a row that is not there then is gone."""
        return index // SIZE in self._pages

    def give(self, number: int, rows: Sequence[dict[str, Any]]) -> None:
        """A page was read."""
        self._asked.discard(number)
        self._pages[number] = {row["id"]: row for row in rows}
        for old in list(self._pages)[: max(0, len(self._pages) - KEPT)]:
            del self._pages[old]

    def forget(self, index: int) -> None:
        """Read the row's page again the next time."""
        self._pages.pop(index // SIZE, None)
