"""The command line's front door: finds the verb, imports only that, reports errors.

Data goes to stdout, narration to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from workbench.errors import Exit, UsageError, WorkbenchError

COMMANDS = {
    "run": "run an experiment: trials, checks, verdicts",
    "attach": "follow an experiment that runs in a process of its own",
    "check": "run prompts' own cases, or apply checks again to a run's trials",
    "report": "write a run's results as HTML, Markdown, CSV, JSON lines or JUnit XML",
    "compare": "run variants side by side and print their answers",
    "tokens": "show the tokens of a text",
    "context": "what fills the context window, and what is forgotten when it is too small",
    "associate": "which words a context makes likelier",
    "diverge": "where two answers part, and what was likely there",
    "attribute": "which parts of a prompt an answer hangs on",
    "needle": "what a model still finds of a fact, at growing depth in longer texts",
    "score": "how likely an answer is, after its own prompt or another's",
    "prompts": "list, show, search and check the prompt library",
    "models": "list the models on this machine",
    "history": "find, show, replay, export, tag and delete past runs",
    "votes": "list and rank blind votes, import and export them",
    "config": "show the settings and where files live",
    "doctor": "say what is missing and how to mend it",
    "keys": "print the keys of the app",
}


def run(argv: Sequence[str], *, app: Callable[[list[str]], int], keys: Callable[[str], int]) -> int:
    """Run one command line; returns its exit code.

    `app` opens the full-screen door on a library folder, `keys` prints its keys (as text, `--json` or `--markdown`):
    they are handed in, for the two doors know nothing of each other.
    """
    try:
        return _dispatch(list(argv), app, keys)
    except WorkbenchError as error:
        return _complain(str(error), error.exit)
    except KeyboardInterrupt:
        return _complain("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is no error, and Python must not say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _complain(text: str, code: int) -> int:
    from workbench.safe import line

    print(f"workbench: {line(text)}", file=sys.stderr)
    return int(code)


def _dispatch(argv: list[str], app: Callable[[list[str]], int], keys: Callable[[str], int]) -> int:
    if argv == ["--version"]:
        from workbench import __version__

        print(f"workbench {__version__}")
        return Exit.OK
    if argv and argv[0] == "keys":
        return keys(argv[1] if len(argv) > 1 else "")
    if argv and argv[0] in COMMANDS:
        return _command(argv)
    parser = _app_parser()
    options = parser.parse_args(argv)
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError(
            "the app needs a terminal", hint="headless: workbench compare (or workbench run FILE); see --help"
        )
    return app(options.library)


def _app_parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {name:<10}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="workbench",
        usage="workbench [--library DIR] … | workbench COMMAND …",
        description="A terminal workbench for prompts on open models. Without a command it opens the app.",
        epilog=f"commands (workbench COMMAND --help says more):\n{verbs}\n\n"
        "exit codes: 0 done, 1 checks failed, 2 wrong usage or bad file, 3 engine or model failed, 4 not found, "
        "130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--library",
        metavar="DIR",
        action="append",
        default=[],
        help="a prompt library before all others; several: nearest first",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def _command(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="workbench")
    subparsers = parser.add_subparsers(dest="command", required=True)
    module = importlib.import_module(f"workbench.cli.{argv[0]}")
    module.add_parser(subparsers)
    options = parser.parse_args(argv)
    return int(options.func(options))
