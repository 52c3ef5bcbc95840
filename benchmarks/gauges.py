"""What the gauges cost, in percent of one core.

`python -m benchmarks.gauges [thread|app …]` (both when none is named). `thread`: the sampling thread in a process that
does nothing else. `app`: the idle interface in a pseudo-terminal with no gauges, with the bottom row, and with the
gauges page open. NVIDIA cards are made up (eight, in place of NVML, every figure another one at each call): a call
takes a millisecond, spent waiting as for a driver that answers by itself, or computing, which is the worst case.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from benchmarks.common import ROOT, machine, median, models, rotated, row
from benchmarks.terminal import COLUMNS, ROWS, USABLE, Window, quiet
from tests.terminal import Terminal

CARDS = 8
CALL = 0.001  # seconds that a call of the made-up NVML takes
MACHINES = ("own", "waits", "computes")
WHAT = {"own": "this machine", "waits": "8 cards, calls wait 1 ms", "computes": "8 cards, calls compute 1 ms"}
BOUND = 1.0  # percent of a core


class NvmlError(Exception):
    """The made-up NVML's."""


def made_up(computes: bool) -> Any:
    """A module in place of pynvml, with CARDS cards."""

    def spent() -> float:
        end = time.perf_counter() + CALL
        if not computes:
            time.sleep(CALL)
        while time.perf_counter() < end:
            pass
        return 0.5 + 0.5 * math.sin(time.perf_counter())

    def answer(make: Callable[[float], Any]) -> Callable[..., Any]:
        return lambda *_: make(spent())

    return SimpleNamespace(
        NVMLError=NvmlError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: CARDS,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda _: "NVIDIA H100 80GB HBM3",
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 700_000,
        nvmlDeviceGetUtilizationRates=answer(lambda share: SimpleNamespace(gpu=int(100 * share))),
        nvmlDeviceGetMemoryInfo=answer(lambda share: SimpleNamespace(used=int(share * 60 * 2**30), total=80 * 2**30)),
        nvmlDeviceGetTemperature=answer(lambda share: 40 + int(30 * share)),
        nvmlDeviceGetPowerUsage=answer(lambda share: 100_000 + int(500_000 * share)),
        nvmlDeviceGetComputeRunningProcesses=answer(lambda share: []),
    )


def put(hardware: str) -> None:
    """Put the made-up NVML in place, unless it is this machine's own that is wanted."""
    if hardware != "own":
        sys.modules["pynvml"] = made_up(hardware == "computes")


# ---- the other processes


def sample(hardware: str, seconds: float) -> None:
    """Watch for so long, with this very process for a worker; print what it took."""
    from workbench.hardware.sampling import Watch

    put(hardware)
    watch = Watch()
    watch.ours = {os.getpid(): 0}
    watch.start()
    time.sleep(3)  # imports, the driver, the first readings
    before, began = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    cpu = 100 * (time.process_time() - before) / (time.perf_counter() - began)
    print(json.dumps({"cpu": cpu, "every": watch.every}))


def show(hardware: str, gauges: str) -> None:
    """The interface; `gauges` "none" leaves them out."""
    from workbench.__main__ import main as workbench
    from workbench.tui.metering import Meter

    put(hardware)
    if gauges == "none":
        Meter.start = lambda self: None  # type: ignore[method-assign]  # the arm without them
    sys.argv = ["workbench"]
    sys.exit(workbench())


# ---- the arms


def thread(rounds: int, seconds: float) -> None:
    """The sampling thread alone."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in MACHINES}
    for number in range(rounds):
        for name in rotated(MACHINES, number):
            argv = [sys.executable, "-m", "benchmarks.gauges", "--sample", name, str(seconds)]
            done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT)
            found[name].append(json.loads(done.stdout))
    print("\nthe thread alone")
    for name, all_of in found.items():
        row(f"{WHAT[name]}: CPU", median([each["cpu"] for each in all_of]), "%", BOUND)
        row("  a reading every", median([each["every"] for each in all_of]), "s")


def app(folder: Path, rounds: int, seconds: float) -> None:
    """The idle interface."""
    arms = [("own", "none"), ("own", "row"), ("own", "page"), ("waits", "row"), ("waits", "page")]
    found: dict[tuple[str, str], list[tuple[float, float]]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for at in rotated([str(at) for at in range(len(arms))], number):
            found[arms[int(at)]].append(idle(folder, *arms[int(at)], seconds))
    print("\nthe idle interface")
    without = median([cpu for cpu, _ in found["own", "none"]])
    for (hardware, gauges), figures in found.items():
        name = f"{WHAT[hardware]}, {gauges}"
        row(f"{name}: CPU", median([cpu for cpu, _ in figures]), "%")
        if gauges != "none":
            row("  more than without gauges", median([cpu for cpu, _ in figures]) - without, "%", BOUND)
        row("  bytes", median([sent for _, sent in figures]), "B/s")


def idle(folder: Path, hardware: str, gauges: str, seconds: float) -> tuple[float, float]:
    """(CPU in %, bytes a second) of the interface while nothing happens."""
    home = Path(tempfile.mkdtemp(dir=folder))
    data = home / ".local/share/workbench"
    data.mkdir(parents=True)
    path = str(models()["smol"])
    lane = {"model": "smol", "path": path, "sampling": {}}
    (data / "compare.json").write_text(json.dumps({"schema": 1, "lanes": [lane, lane], "draft": "x"}))
    env = {"HOME": str(home), "WORKBENCH_DOUBLE": "rate=100", "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "benchmarks.gauges", "--show", hardware, gauges]
    with Terminal(argv, columns=COLUMNS, rows=ROWS, env=env, cwd=home) as terminal:
        terminal.wait_for(USABLE)
        if gauges == "page":
            terminal.wait_for("tok/s")
            terminal.send("ctrl+t")
            terminal.wait_for("the last minute")
        quiet(terminal, 3)
        window = Window(terminal)
        time.sleep(seconds)
        figures = window.over()
        assert psutil.pid_exists(terminal.pid)
        terminal.send("ctrl+q")
        terminal.wait_exit()
    return figures


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="thread|app", help="both when none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--sample", nargs=2, metavar=("MACHINE", "SECONDS"), help=argparse.SUPPRESS)
    parser.add_argument("--show", nargs=2, metavar=("MACHINE", "GAUGES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sample:
        sample(options.sample[0], float(options.sample[1]))
        return
    if options.show:
        show(*options.show)
        return
    os.chdir(ROOT)
    print(machine())
    parts = options.parts or ["thread", "app"]
    if "thread" in parts:
        thread(options.rounds, options.seconds)
    if "app" in parts:
        with tempfile.TemporaryDirectory() as name:
            app(Path(name), options.rounds, options.seconds)


if __name__ == "__main__":
    main()
