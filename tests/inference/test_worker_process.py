"""The worker as a process: its end, its pipe, its environment, and files that are no models."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.inference.worker_pipe import Pipe, chat
from workbench.inference.engine import Generate, LoadOptions
from workbench.inference.local import protocol
from workbench.inference.local.process import environment
from workbench.inference.sampling import make


def _family(pipe: Pipe) -> list[psutil.Process]:
    process = psutil.Process(pipe.process.pid)
    return [process, *process.children(recursive=True)]


def _gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=2)[1]


@pytest.mark.parametrize("when", ["idle", "decoding", "loading"])
def test_no_process_is_left_two_seconds_after_stdin_closed(starter: Path, when: str) -> None:
    pipe = Pipe()
    if when == "loading":
        pipe.send(protocol.Load(1, str(starter), LoadOptions()))
    else:
        pipe.load(starter, threads=1)
    if when == "decoding":
        long = Generate(trial="a", prompt="word " * 3000, sampling=make({"max_tokens": 900}))
        pipe.send(protocol.Run((long,)))
        assert isinstance(pipe.receive(), protocol.Events)
    family = _family(pipe)
    assert pipe.close() == 0
    assert _gone(family)


def test_garbage_on_the_pipe_ends_it(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "log")
    assert pipe.process.stdin is not None
    pipe.process.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
    pipe.process.stdin.flush()
    assert pipe.process.wait(5) == 2
    assert b"garbage" in (tmp_path / "log").read_bytes()


def test_requests_without_a_model_are_told(starter: Path) -> None:
    pipe = Pipe()
    reply = pipe.ask(protocol.Tokenize, "text")
    assert isinstance(reply, protocol.Failed)
    assert "no model" in reply.what
    assert "no model" in pipe.one("text").end.error
    pipe.close()


def _bad(name: str, tmp_path: Path, starter: Path) -> Path:
    path = tmp_path / "bad.gguf"
    if name == "folder":
        path.mkdir()
    elif name == "text":
        path.write_text("hello")
    elif name == "empty":
        path.touch()
    elif name == "header":
        path.write_bytes(b"GGUF" + bytes(range(256)) * 40)
    elif name in ("truncated", "overwritten"):
        with starter.open("rb") as source:
            data = source.read() if name == "overwritten" else source.read(3_000_000)
        path.write_bytes(data if name == "truncated" else data[:20_000_000] + b"\xff" * 1_000_000 + data[21_000_000:])
    return path


def test_files_that_are_no_models_are_told_in_a_line_and_the_worker_lives(tmp_path: Path, starter: Path) -> None:
    pipe = Pipe()
    for name in ("missing", "folder", "text", "empty", "header", "truncated", "overwritten"):
        (tmp_path / name).mkdir()
        path = _bad(name, tmp_path / name, starter)
        reply = pipe.ask(protocol.Load, str(path), LoadOptions())
        assert isinstance(reply, protocol.Failed), name
        assert "bad.gguf" in reply.what
        assert "\n" not in reply.what
    assert pipe.load(starter, threads=1).architecture == "llama"
    pipe.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"context_length": 10**9}, "8,192"),
        ({"context_length": 8193}, "8,192"),
        ({"context_length": -5}, "-5"),
        ({"kv_type": "q8_0", "flash_attention": "off"}, "flash attention"),
    ],
)
def test_settings_that_cannot_be_are_told(starter: Path, options: dict[str, Any], says: str) -> None:
    pipe = Pipe()
    reply = pipe.ask(protocol.Load, str(starter), LoadOptions(**options))
    assert isinstance(reply, protocol.Failed)
    assert says in reply.what
    pipe.close()


def test_what_the_model_is_and_a_progress_to_the_end(starter: Path) -> None:
    pipe = Pipe()
    pipe.send(protocol.Load(1, str(starter), LoadOptions(threads=1)))
    fractions: list[float] = []
    while isinstance(reply := pipe.receive(), protocol.Loading | protocol.Events):  # Events: how full it is
        if isinstance(reply, protocol.Loading):
            fractions.append(reply.fraction)
    assert isinstance(reply, protocol.Loaded)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    info = reply.info
    assert (info.vocabulary, info.trained_context, info.context_length) == (49152, 8192, 4096)
    assert info.template
    assert info.load_s > 0
    assert isinstance(pipe.ask(protocol.Load, str(starter), LoadOptions()), protocol.Failed)
    pipe.close()


def test_the_environment_has_no_secrets() -> None:
    secrets = dict.fromkeys(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "MY_PASSWORD"), "secret")
    code = (
        "import os; from workbench.inference.local import worker; worker.Worker.serve = lambda self: None;"
        "worker.main();"
        "os.write(2, repr(sorted(k for k, v in os.environ.items() if v == 'secret')).encode());"
        "assert os.environ['GGML_NO_BACKTRACE'] == '1'; print('to stderr', flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **secrets}, capture_output=True, check=True)
    assert done.stdout == b""
    assert done.stderr == b"[]to stderr\n"


def test_a_worker_does_not_spin_unless_its_person_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert 0 < int(environment()["GOMP_SPINCOUNT"]) < 10_000
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert "GOMP_SPINCOUNT" not in environment()
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert environment()["GOMP_SPINCOUNT"] == "7"


def test_counting_and_pings_are_served_while_a_prompt_is_read(starter: Path) -> None:
    pipe = Pipe()
    pipe.load(starter, threads=1)
    trial = Generate(trial="long", prompt="word " * 3500, sampling=make({"max_tokens": 400, "logit_bias": "2:-100"}))
    pipe.send(protocol.Run((trial,)))
    began = time.monotonic()
    counted = pipe.ask(protocol.Count, chat("Hello"))
    pipe.ask(protocol.Ping)
    assert counted.counted.prompt_tokens > 5
    pipe.ask(protocol.Cancel, None)
    ended = False
    while not ended:
        reply = pipe.receive()
        assert isinstance(reply, protocol.Events)
        ended = any(getattr(event, "finish", "") == "cancelled" for event in reply.events)
    assert time.monotonic() - began < 30
    pipe.close()


def test_thousands_of_tokens_of_lanes_take_the_memory_of_one_model(starter: Path) -> None:
    pipe = Pipe()
    pipe.load(starter, threads=1, lanes=8)
    pipe.one("Once", max_tokens=2)
    process = psutil.Process(pipe.process.pid)
    before = process.memory_info().rss
    trials = [Generate(trial=str(i), prompt=f"{i} times", sampling=make({"max_tokens": 3})) for i in range(8)]
    pipe.run(*trials)
    assert process.memory_info().rss - before < 40_000_000
    pipe.close()
