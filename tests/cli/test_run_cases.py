"""`workbench run` on case files that are wrong, odd or huge: a clear line, or it works, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli.main import run

EXPERIMENT = """schema = 1
kind = "experiment"
cases = "{cases}"
checks = [{{ type = "not-contains", value = "no such words" }}]
[[variants]]
label = "A"
prompt = "Be brief."
"""
ROWS = 1_000_000


@pytest.fixture(autouse=True)
def _double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=4")


def file(folder: Path, name: str, data: bytes) -> Path:
    """An experiment beside its case file."""
    (folder / name).write_bytes(data)
    path = folder / "e.toml"
    path.write_text(EXPERIMENT.format(cases=name))
    return path


def call(*argv: object) -> int:
    return run([str(each) for each in argv], app=lambda library: 77, keys=lambda form: 78)


@pytest.mark.parametrize(
    ("name", "data", "where"),
    [
        ("c.csv", b"message,expected\nHi\n", "c.csv:2"),
        ("c.csv", b'message\n"Hi\n', "c.csv:2"),
        ("c.csv", b"message\nHi\x00there\n", "c.csv:2"),
        ("c.csv", b"", "c.csv"),
        ("c.jsonl", b'{"message": "Hi"}\n["no object"]\n', "c.jsonl:2"),
        ("c.jsonl", b'{"message": "Hi\\u0000"}\n', "c.jsonl:1"),
        ("c.jsonl", b'{"message": ["Hi"]}\n', "c.jsonl:1"),
        ("c.toml", b"[[cases]]\nmessage = 3\n", "c.toml:2"),
        ("c.parquet", b"PAR1", "c.parquet"),
    ],
)
def test_a_wrong_shape_is_a_line_that_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, where: str
) -> None:
    assert call("run", file(tmp_path, name, data)) == 2
    said = capsys.readouterr().err.strip()
    assert where in said
    assert "\n" not in said
    assert len(said) < 400 + len(str(tmp_path))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_fields_of_a_megabyte_are_run_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    long = "word " * 200_000
    row = f"message,expected\nHi,{long}\n" if kind == "csv" else json.dumps({"message": "Hi", "expected": long}) + "\n"
    path = file(tmp_path, f"c.{kind}", row.encode())
    assert call("run", path, "--json") == 0
    trial = json.loads(capsys.readouterr().out.splitlines()[0])
    assert trial["finish"] in ("stop", "length")
    path = file(tmp_path, f"c.{kind}", row.replace("Hi", long).encode())  # beyond the context: the trial says so
    assert call("run", path, "--json") == 3
    trial = json.loads(capsys.readouterr().out.splitlines()[0])
    assert "context" in trial["error"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the most that a process had from /proc")
def test_a_million_rows_run_in_the_files_size_and_little_more(tmp_path: Path) -> None:
    path = file(tmp_path, "c.jsonl", b"".join(b'{"message": "Say %d"}\n' % at for at in range(ROWS)))
    code = (
        "import sys; from workbench.cli.main import run\n"
        "code = run(sys.argv[1:], app=lambda library: 77, keys=lambda form: 78)\n"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "run", str(path), "--limit", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    *trials, last = done.stdout.splitlines()
    assert len(trials) == json.loads(last)["summary"]["trials"] == 3
    most = int(done.stderr.splitlines()[-1]) * 1024
    assert most < 60e6 + 2 * (tmp_path / "c.jsonl").stat().st_size + 80 * ROWS
