"""Cases: what an experiment tries its variants with. Inline, or one by one out of a file that may hold a million.

Of a CSV or JSONL file the bytes are kept once, with the place of each row; a case is made when it is asked for. So the
run sees the file as it was when it was opened, and memory holds its size and 24 bytes a row.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import msgspec

from workbench.experiments.checks.filling import fill
from workbench.experiments.checks.model import CannotTellError, Check
from workbench.experiments.checks.reading import read_all
from workbench.experiments.made import Made
from workbench.inference.engine import Message
from workbench.library.reader import Reader, clipped, noun

ROLES = ("system", "user", "assistant")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Values for the variables, what the user says, and the checks of this case alone.

    `name` is unique within the experiment: what pairs trials. `key` (16 hex digits) is what its seeds are made of: the
    name where one was given, else the content; it stays when other cases come and go. `history` stands before the
    message.
    """

    name: str
    key: str
    variables: dict[str, Any] = {}
    message: str = ""
    history: tuple[Message, ...] = ()
    checks: tuple[Check, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation after a prompt's lead."""
        return (*self.history, Message("user", self.message)) if self.message else self.history


Cases = Sequence[Case]


@dataclass(frozen=True)
class Columns:
    """Which column, or key of a JSON object, holds what. `variables` is by name; None takes all the other columns."""

    name: str = "name"
    message: str = "message"
    tags: str = "tags"
    checks: str = "checks"
    history: str = "messages"
    variables: Mapping[str, str] | None = None
    given: frozenset[str] = field(default_factory=frozenset)  # the fields that the experiment names itself

    @property
    def taken(self) -> frozenset[str]:
        """The columns that are no variables."""
        return frozenset((self.name, self.message, self.tags, self.checks, self.history))


class Inline(Made[Case]):
    """Cases that stand in the experiment, or in a TOML file."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._names, self._keys = Names(), Names()
        for case in cases:
            self._names.add(case.name)
            self._keys.add(case.key)
        self._names.close()
        self._keys.close()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._cases)

    def at(self, index: int) -> Case:
        """One of them."""
        return distinct(self._cases[index], self._names.times(index), self._keys.times(index))


class Names:
    """How often each of many texts was there before, 8 bytes a text. Add all, close, then ask."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._times: array[int] | None = None

    def add(self, text: str) -> None:
        """The next text."""
        self._hashes.append(hash(text))

    def close(self) -> None:
        """After the last one."""
        ordered = sorted(self._hashes)
        twice = {one for one, other in pairwise(ordered) if one == other}
        if twice:
            counts = dict.fromkeys(twice, 0)
            self._times = array("L", bytes(array("L").itemsize * len(self._hashes)))
            for index, value in enumerate(self._hashes):
                if value in counts:
                    self._times[index] = counts[value]
                    counts[value] += 1
        self._hashes = array("q")

    def times(self, index: int) -> int:
        """How often the text at `index` stood before it."""
        return self._times[index] if self._times is not None else 0


def distinct(case: Case, named: int, keyed: int) -> Case:
    """The case, told apart from those before it of the same name (`#2`) or the same content (another key)."""
    if not named and not keyed:
        return case
    name = f"{case.name} #{named + 1}" if named else case.name
    key = hash_of([case.key, keyed]) if keyed else case.key
    return msgspec.structs.replace(case, name=name, key=key)


def hash_of(value: Any) -> str:
    """16 hex digits of any plain data."""
    data = msgspec.msgpack.encode(value)
    return blake2b(data, digest_size=8).hexdigest()


def make_case(
    number: int,
    name: str,
    variables: dict[str, Any],
    message: str,
    template: str,
    history: tuple[Message, ...] = (),
    checks: tuple[Check, ...] = (),
    tags: tuple[str, ...] = (),
) -> Case:
    """A case from its parts; without a message of its own it gets the experiment's, filled. Raises CannotTellError."""
    if not message and template:
        message = fill(template, variables)
    key = hash_of(name) if name else hash_of([message, variables, [(turn.role, turn.content) for turn in history]])
    return Case(
        name=name or f"case {number}",
        key=key,
        variables=variables,
        message=message,
        history=history,
        checks=checks,
        tags=tags,
    )


def read_case(reader: Reader, number: int, template: str) -> Case:
    """A table of `[[cases]]`. Raises FileError."""
    variables = values_of(reader.child("variables"))
    try:
        return make_case(
            number,
            reader.text("name").strip(),
            variables,
            reader.text("message"),
            template,
            history_of(reader),
            read_all(reader.tables("checks")),
            reader.texts("tags"),
        )
    except CannotTellError as error:
        raise reader.error("variables", error.what, error.hint or "the experiment's message asks for it") from None


def values_of(reader: Reader) -> dict[str, Any]:
    """Values of variables: texts, numbers, true and false. Raises FileError."""
    for name, value in reader.table.items():
        if not isinstance(value, str | int | float | bool):
            raise reader.error(name, f"{clipped(name)} must be text, a number or true/false, not {noun(value)}")
    return dict(reader.table)


def history_of(reader: Reader) -> tuple[Message, ...]:
    """The turns before the message. Raises FileError."""
    turns = []
    for turn in reader.tables("messages"):
        role = turn.text("role", None)
        if role not in ROLES:
            raise turn.error("role", f"role = {clipped(role)} is unknown", "system, user or assistant")
        turns.append(Message(role, turn.text("content", None)))  # type: ignore[arg-type]  # checked above
    return tuple(turns)
