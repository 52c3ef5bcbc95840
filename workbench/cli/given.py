"""What a person gives a command: options that several have, texts from a file or stdin, NAME=VALUE pairs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import NotFoundError, UsageError


def add_library(parser: argparse.ArgumentParser) -> None:
    """`--library DIR`, as often as one likes."""
    parser.add_argument(
        "--library", action="append", default=[], metavar="DIR", help="a prompt library before all others"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, with the starter model as the default."""
    parser.add_argument("--model", metavar="NAME|PATH", help="the model (the starter when left out)")


def text_of(name: str) -> str:
    """The text in the file `name`, of `-` what stands on stdin. Raises NotFoundError, UsageError."""
    where = "stdin" if name == "-" else name
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        raise NotFoundError("no such file", where=where) from None
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=where) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 text (byte {error.start})", where=where, hint="convert it with iconv") from error


def typed(text: str) -> str:
    """A text given on the command line; `-` is what stands on stdin. Raises UsageError."""
    return text_of("-") if text == "-" else text


def whole(text: str) -> int:
    """A whole number of 0 or more, as argparse's `type`."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return number


def pairs(items: Iterable[str], option: str, such: str = "topic=sums") -> list[tuple[str, str]]:
    """NAME=VALUE as it was given to an option, in pairs. Raises UsageError, with `such` as the example."""
    found = []
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"{option} {item} is not NAME=VALUE", hint=f"for example {option} {such}")
        found.append((name.strip(), value))
    return found
