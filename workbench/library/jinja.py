"""Jinja templates, rendered by minijinja in a process of their own.

Fuel ends a loop that hangs, but not one that doubles a text until the memory is full: that aborts the whole process,
and a prompt file is untrusted. So the program runs this file as a script (it imports nothing of ours), with a limit
on memory and on time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

FUEL = 100_000  # minijinja instructions: far more than a prompt needs, far less than a loop that hangs
MEMORY = 1 << 30  # bytes of address space of the child
LARGEST = 10_000_000  # characters of what is rendered
SECONDS = 10.0


class JinjaError(Exception):
    """A template that cannot be rendered: which one (its index), the line in it (from 1, 0 unknown), what is wrong."""

    def __init__(self, index: int, line: int, what: str) -> None:
        super().__init__(what)
        self.index, self.line, self.what = index, line, what


def render_all(texts: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """Every text rendered with `values`. Raises JinjaError."""
    request = json.dumps({"texts": list(texts), "values": dict(values)})
    try:
        # -I: nothing from the current folder or the environment is imported.
        done = subprocess.run(
            [sys.executable, "-I", __file__], input=request.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise JinjaError(0, 0, f"it ran longer than {SECONDS:g} s") from None
    except OSError as error:
        raise JinjaError(0, 0, f"its process does not start ({error.strerror})") from None
    if done.returncode != 0:
        raise JinjaError(0, 0, "it needs too much memory")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise JinjaError(*answer["error"])
    return [str(text) for text in answer["texts"]]


def _child() -> None:
    import contextlib
    import resource

    with contextlib.suppress(OSError, ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import minijinja

    request = json.loads(sys.stdin.buffer.read())
    environment = minijinja.Environment(undefined_behavior="strict", fuel=FUEL, keep_trailing_newline=True)
    made: list[str] = []
    answer: dict[str, object] = {"texts": made}
    for index, text in enumerate(request["texts"]):
        try:
            made.append(environment.render_str(text, **request["values"]))
        except minijinja.TemplateError as error:
            what = str(error.detail or error.message).splitlines()[0]
            answer = {"error": [index, error.line or 0, f"{error.kind.removesuffix('Error')}: {what}"[:300]]}
            break
        except TypeError as error:  # a variable called as one of render_str's own arguments
            answer = {"error": [index, 0, str(error)[:300]]}
            break
        if len(made[-1]) > LARGEST:
            answer = {"error": [index, 0, f"it renders to more than {LARGEST:,} characters"]}
            break
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    _child()
