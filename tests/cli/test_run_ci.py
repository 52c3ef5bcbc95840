"""The build step of docs/running.md, as it stands there, in a real git repository: it fails when a prompt got worse."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPERIMENT = """schema = 1
kind = "experiment"
checks = [{ type = "length", max = 6, unit = "words" }, { type = "contains", value = "unicorn" }]
threshold = 0.4
[[variants]]
prompt = "system/short"
label = "short"
"""
CASES = "".join(f'[[cases]]\nname = "c{at}"\nmessage = "Question {at}?"\n' for at in range(5))


def prompt(text: str, tokens: int) -> str:
    """A prompt that lets the answer have so many tokens."""
    return f'schema = 1\nkind = "system"\ntitle = "Short"\ntext = "{text}"\n[sampling]\nmax_tokens = {tokens}\n'


@pytest.fixture
def step() -> str:
    """The script of the page's last step."""
    page = (ROOT / "docs/running.md").read_text()
    found = re.search(r"- run: \|\n((?: {10}.*\n)+)", page)
    assert found
    return textwrap.dedent(found[1])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone whose origin has the prompt and the experiment on main."""
    origin = tmp_path / "origin"
    (origin / "prompts/system").mkdir(parents=True)
    (origin / "tests").mkdir()
    (origin / "prompts/system/short.toml").write_text(prompt("Answer in five words.", 5))
    (origin / "tests/prompts.toml").write_text(EXPERIMENT + CASES)
    git(origin, "init", "-q", "-b", "main")
    commit(origin, "A prompt")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    return tmp_path / "clone"


def git(folder: Path, *argv: str) -> None:
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *argv], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def build(repository: Path, step: str) -> subprocess.CompletedProcess[str]:
    """The step, as the runner of the build does it."""
    commands = repository.parent / "bin"
    commands.mkdir(exist_ok=True)
    (commands / "workbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m workbench "$@"\n')
    (commands / "workbench").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_BASE_REF": "main",
        "WORKBENCH_DOUBLE": "tokens=30",
    }
    return subprocess.run(
        ["bash", "-e", "-c", step], cwd=repository, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("text", "tokens", "code", "said"),
    [
        ("Answer in five words.", 5, 0, "short no worse than before: 0 points"),
        ("Answer at length.", 20, 1, "short worse than before: -50 points"),
        ("Answer in three words.", 3, 0, "short no worse than before: 0 points"),
    ],
)
def test_the_build_fails_when_the_prompt_got_worse(
    repository: Path, step: str, text: str, tokens: int, code: int, said: str
) -> None:
    git(repository, "switch", "-q", "-c", "change")
    (repository / "prompts/system/short.toml").write_text(prompt(text, tokens) + "# mine\n")
    commit(repository, "Another wording")
    done = build(repository, step)
    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert ("lost: c0, c1, c2, c3, c4" in done.stdout) == bool(code)


def test_without_an_earlier_run_it_says_so(repository: Path) -> None:
    done = build(repository, "workbench run tests/prompts.toml --baseline last")
    assert done.returncode == 4
    assert "no whole run of prompts.toml before this one" in done.stderr
