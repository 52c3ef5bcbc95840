"""What a check is, what it is given, and what it says. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from workbench.errors import WorkbenchError
from workbench.inference.engine import Engine, Finish, Message

if TYPE_CHECKING:
    from workbench.experiments.checks.bounded import Bounded
    from workbench.library.prompt import Prompt

Options = Mapping[str, Any]


class CannotTellError(WorkbenchError):
    """A check that has no answer (nothing was measured, the judge said no score): it fails, negated or not."""


class Access(Protocol):
    """What checks that ask a model need of the house."""

    def engine(self, model: str) -> AbstractAsyncContextManager[Engine]:
        """A loaded engine of the model of this name, held while the context is open. Raises WorkbenchError.

        A pool whose memory holds one model waits for the others to be let go: apply checks outside of its `use`.
        """
        ...

    def prompt(self, reference: str) -> Prompt:
        """The library's prompt (`ID`, `ID@REF`). Raises NotFoundError, PromptError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known of the trial beside its answer: nothing here is generated again.

    `variables` are the case's, with the prompt's defaults beneath; `messages` the whole conversation that was answered
    (lead and all); `model` the model's name. Counts in tokens, times in seconds, None where they were not measured.
    `access` is needed by perplexity, label-probability and judge; `bounded` is the process that risky checks run in
    (made for the call when None, which costs its start).
    """

    variables: Mapping[str, object] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    model: str = ""
    finish: Finish = "stop"
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int | None = None
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    access: Access | None = None
    bounded: Bounded | None = None


@dataclass(frozen=True)
class Outcome:
    """What a check's function says: a score 0…1 and why. `measured` is the number behind it, for charts.

    `passed` is None where the score against the threshold decides.
    """

    score: float
    reason: str
    passed: bool | None = None
    measured: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A check's word on a trial, as the history and TRIAL's `checks` hold it. `type` is the name as it was written."""

    type: str
    passed: bool
    score: float
    reason: str
    weight: float = 1.0
    measured: float | None = None


@dataclass(frozen=True)
class Check:
    """A check as it was read. `kind` is the type's own name, "" for one of an entry point; `options` have defaults in.

    `threshold` is the least score that passes.
    """

    type: str
    kind: str
    options: Options = field(default_factory=dict)
    negated: bool = False
    weight: float = 1.0
    threshold: float = 1.0


@dataclass(frozen=True)
class Param:
    """An option of a check.

    `kind`: text (or a number, taken as its text), texts (or one text with commas), number, bool, choice, schema (a
    table, or JSON in a text).
    """

    name: str
    kind: Literal["text", "texts", "number", "bool", "choice", "schema"]
    help: str
    default: Any = None
    needed: bool = False
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A type of check.

    `run` is MODULE:FUNCTION below this package, `(options, answer, context) -> Outcome`, a coroutine where `where` is
    "engine". "apart" runs in a process with limits on time and memory, where the context is an empty one. `threshold`
    is the least score that passes when a file says nothing, None where a threshold means nothing.
    """

    name: str
    help: str
    example: str
    run: str
    params: tuple[Param, ...] = ()
    where: Literal["here", "apart", "engine"] = "here"
    aliases: tuple[str, ...] = ()
    threshold: float | None = None
    one_of: tuple[str, ...] = ()  # of these options at least one is needed
