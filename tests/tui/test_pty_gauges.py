"""A driver that hangs, met by the program in a real pseudo-terminal: it starts, says so, and leaves at once."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.terminal import Terminal

NVML = """
import time
class NVMLError(Exception): ...
def nvmlInit():
    time.sleep(100_000)
"""


def test_a_driver_that_hangs_for_ever(tmp_path: Path) -> None:
    (tmp_path / "pynvml.py").write_text(NVML)
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from workbench.__main__ import main; sys.exit(main())"
    env = {"HOME": str(tmp_path / "home"), "WORKBENCH_DOUBLE": "rate=200,tokens=40"}
    with Terminal([sys.executable, "-c", start], env=env, cwd=tmp_path) as terminal:
        terminal.wait_for("What is 17 + 25?")
        terminal.wait_for("GPU driver does not answer")
        terminal.send("f5")
        terminal.wait_for(lambda screen: screen.count("· stop") == 2)
        terminal.send("ctrl+t")
        terminal.wait_for(lambda screen: "the last minute" in screen and "GPU driver does not answer" in screen)
        began = time.monotonic()
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
        assert time.monotonic() - began < 20  # the thread would hold it for a day
