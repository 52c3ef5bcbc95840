"""What may be imported when, in a fresh interpreter; and importing does nothing but import."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

HEAVY = (
    "llama_cpp",
    "numpy",
    "httpx",
    "httpx2",
    "pydantic",
    "jinja2",
    "minijinja",
    "rapidfuzz",
    "pynvml",
    "huggingface_hub",
    "jsonschema",
)
SCREEN = ("textual", "rich")


def loaded(code: str) -> set[str]:
    """The top-level modules after `code` ran in a fresh interpreter."""
    ending = (
        "\nimport sys, json\nsys.stderr.write('MODULES' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stderr.split("MODULES")[1]))


def command(*argv: str) -> str:
    return f"import sys; sys.argv = ['workbench', *{argv!r}]; from workbench.__main__ import main; main()"


@pytest.mark.parametrize(
    ("argv", "also"),
    [
        (("--version",), ("msgspec", "sqlite3", "asyncio")),
        (("prompts", "list"), ("sqlite3", "asyncio", "watchfiles", "tomlkit", "yaml")),
        (("prompts", "show", "system/plain"), ("sqlite3", "asyncio")),
        (("models", "list"), ("asyncio",)),
        (("history", "list"), ("asyncio",)),
        (("votes", "list"), ("asyncio",)),
        (("votes", "ranking"), ("asyncio",)),
        (("keys",), ("msgspec", "sqlite3", "asyncio")),
    ],
)
def test_a_command_imports_only_its_own(argv: tuple[str, ...], also: tuple[str, ...]) -> None:
    found = loaded(command(*argv))
    assert not found & {*HEAVY, *SCREEN, "ssl", *also}


def test_the_skeleton_is_painted_before_textual_is_imported() -> None:
    found = loaded("import workbench.__main__\nfrom workbench.tui.start import skeleton\nassert skeleton(120, 40)")
    assert not found & {*HEAVY, *SCREEN, "ssl", "msgspec", "asyncio", "argparse", "pathlib", "psutil"}


def test_the_app_needs_nothing_heavy_to_be_usable() -> None:
    found = loaded("import workbench.tui.app")
    assert not found & {*HEAVY, "psutil", "sqlite3"}


def test_only_the_worker_imports_llama_cpp() -> None:
    code = "import workbench.session, workbench.experiments.runner, workbench.inference.local.client"
    assert not loaded(code) & {"llama_cpp", "numpy", "jinja2", *SCREEN}


EVERY = """
import importlib, os, sys, threading
opened = []
sys.addaudithook(lambda event, args: opened.append((event, str(args[0])[:200])) if (
    (event == "open" and args[1] and any(c in str(args[1]) for c in "wax+"))
    or event in ("subprocess.Popen", "socket.connect", "sqlite3.connect", "os.mkdir", "os.remove")) else None)
for name in NAMES:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
assert not [pair for pair in opened if "__pycache__" not in pair[1]], opened
"""


def test_importing_any_module_does_no_io_and_starts_no_thread(tmp_path: Path) -> None:
    names = [
        info.name for info in pkgutil.walk_packages(workbench.__path__, "workbench.") if "__main__" not in info.name
    ]
    assert len(names) > 60
    # llama.py loads the C library, which starts its own threads: it belongs to the worker alone.
    worker = {name for name in names if name.startswith("workbench.inference.local.")}
    loaded(f"NAMES = {sorted(set(names) - worker)!r}\n{EVERY}")
