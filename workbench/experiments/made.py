"""Sequences whose items are made when they are asked for, so that a million cost what one does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Made(Sequence[T]):
    """Say in `at` what stands in a place from 0 to the length; slices are lists."""

    @abstractmethod
    def at(self, index: int) -> T:
        """The item of that place."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """One of them, or several."""
        places = range(len(self))[index]
        return [self.at(place) for place in places] if isinstance(places, range) else self.at(places)

    def __iter__(self) -> Iterator[T]:
        """All of them, one after the other."""
        return (self.at(place) for place in range(len(self)))
