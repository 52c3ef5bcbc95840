"""A run in a process of its own, that neither the terminal nor a lost SSH session ends."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from workbench.cli import output
from workbench.errors import Exit, StorageError
from workbench.experiments.running.following import log_of, told
from workbench.history.store import Store

WAIT = 30.0  # seconds that it may take to say its first word


def detach(store: Store, run: str, options: argparse.Namespace) -> int:
    """Start `workbench run … --as RUN` in a session of its own; returns when it has begun, or has ended already."""
    log = log_of(store, run)
    if log is None:
        raise StorageError("there is no history to follow it by", hint="`workbench doctor` says why")
    command = [sys.executable, "-m", "workbench", "run", *_again(options, run)]
    with open(log, "ab") as file:
        os.chmod(log, 0o600)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None and not _speaks(store, run, process.pid):
        time.sleep(0.05)
    if process.poll() not in (None, Exit.OK, Exit.CHECKS_FAILED):
        output.narrate(f"it ended at once; its log: {log}")
        for line in log.read_text("utf-8", "replace").splitlines()[-3:]:
            output.narrate(line)
        return process.returncode
    if options.json:
        output.print_json({"run": run, "log": str(log)})
    else:
        print(run)
        output.narrate(f"it runs on by itself: `workbench attach {run}` follows it; its log: {log}")
    return Exit.OK


def _again(options: argparse.Namespace, run: str) -> list[str]:
    made = ["--resume", run] if options.resume else ["--as", run]
    if options.file:
        made.append(str(Path(options.file)))
    for name in ("prompt", "library"):
        for value in getattr(options, name):
            made += [f"--{name}", value]
    if options.model:
        made += ["--model", options.model]
    if options.limit:
        made += ["--limit", str(options.limit)]
    if options.baseline:
        made += ["--baseline", options.baseline]
    made += [word for name in options.report for word in ("--report", os.path.abspath(name))]
    return [*made, *(["--fresh"] if options.fresh else []), "--json"]


def _speaks(store: Store, run: str, pid: int) -> bool:
    from workbench.errors import NotFoundError

    try:
        return bool(told(store, run)["pid"] == pid)
    except NotFoundError:
        return False
