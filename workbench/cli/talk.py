"""A conversation as it is typed: a system prompt (an id with values for its variables, or a text) and a message."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.cli import given

if TYPE_CHECKING:
    from workbench.inference.engine import Message
    from workbench.session import Session


def add_options(parser: argparse.ArgumentParser, *, system: str, message: str) -> None:
    """`--system`, `--message`, `--var`, with the help of the first two."""
    parser.add_argument("--system", default="", metavar="ID|TEXT", help=system)
    parser.add_argument("--message", metavar="TEXT", help=message)
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=V", help="a value for the prompt's {{name}}"
    )


def values_of(items: Sequence[str]) -> dict[str, str]:
    """The variables' values. Raises UsageError."""
    return dict(given.pairs(items, "--var"))


def lead_of(session: Session, options: argparse.Namespace) -> tuple[Message, ...]:
    """What `--system` gives, with its variables. Raises NotFoundError for a prompt that is not there, UsageError."""
    from workbench.experiments.variants import find_prompt
    from workbench.inference.engine import Message
    from workbench.library.template import lead

    values = values_of(options.var)
    prompt = find_prompt(session.libraries, options.system) if options.system else None
    if prompt is not None:
        return lead(prompt, values)
    return (Message("system", options.system),) if options.system else ()


def typed(session: Session, options: argparse.Namespace) -> tuple[Message, ...]:
    """What the model is to read: the lead, then the message. Raises as `lead_of` does."""
    from workbench.inference.engine import Message

    return (*lead_of(session, options), Message("user", options.message))
