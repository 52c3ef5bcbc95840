"""The process behind `bounded`: reads requests on stdin, answers on stdout, ends when stdin closes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import msgspec

from workbench.experiments.checks.bounded import LENGTH, MEMORY
from workbench.experiments.checks.kinds import KINDS
from workbench.experiments.checks.model import CannotTellError, Context, Outcome
from workbench.experiments.checks.words import plain

REPLY = 1000  # characters of a reason
_NEEDS = {  # imported before the clock runs
    "similarity": "rapidfuzz.fuzz",
    "levenshtein": "rapidfuzz.distance",
    "is-json": "jsonschema",
    "json-schema": "jsonschema",
    "contains-json": "jsonschema",
    "is-yaml": "yaml",
}


def _function(kind: str, options: dict[str, object]) -> Callable[[dict[str, object], str, Context], Outcome]:
    needed = _NEEDS.get(kind)
    if needed and (needed != "jsonschema" or options.get("value") is not None):
        import_module(needed)
    module, _, name = KINDS[kind].run.partition(":")
    found: Callable[[dict[str, object], str, Context], Outcome] = getattr(
        import_module(f"workbench.experiments.checks.{module}"), name
    )
    return found


def main() -> None:
    """Serve."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process, and nothing catches it
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if sys.platform != "darwin":  # there the limit cannot be set below what is mapped
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while len(head := stdin.read(LENGTH.size)) == LENGTH.size:
        kind, seconds, options, answer = msgspec.msgpack.decode(stdin.read(LENGTH.unpack(head)[0]))
        said: object
        function = _function(kind, options)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            said = function(options, answer.decode("utf-8", "surrogatepass"), Context())
        except CannotTellError as error:
            said = {"error": str(error)[:REPLY]}
        except Exception as error:  # noqa: BLE001  (the boundary: what a parser raises on a stranger's text is told)
            said = {"error": f"{type(error).__name__}: {plain(error)}"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        data = msgspec.msgpack.encode(said)
        stdout.write(LENGTH.pack(len(data)) + data)
        stdout.flush()


if __name__ == "__main__":
    main()
