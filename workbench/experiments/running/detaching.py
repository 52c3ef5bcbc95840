"""A run in a process of its own, that neither the terminal nor a lost SSH session ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import NotFoundError, StorageError
from workbench.experiments.running.following import log_of, told
from workbench.history.store import Store

WAIT = 30.0  # seconds that it may take to say its first word


def detach(store: Store, run: str, words: Sequence[str]) -> tuple[int | None, Path]:
    """Start `workbench run WORDS`; returns when it has begun (None) or has ended already (its exit code), and its log.

    Blocks: call it off the loop. Raises StorageError where there is no history to follow it by.
    """
    log = log_of(store, run)
    if log is None:
        raise StorageError("there is no history to follow it by", hint="`workbench doctor` says why")
    command = [sys.executable, "-m", "workbench", "run", *words]
    with open(log, "ab") as file:
        os.chmod(log, 0o600)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None and not _speaks(store, run, process.pid):
        time.sleep(0.05)
    return process.poll(), log


def _speaks(store: Store, run: str, pid: int) -> bool:
    try:
        return bool(told(store, run)["pid"] == pid)
    except NotFoundError:
        return False
