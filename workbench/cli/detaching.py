"""`run --detach`: what is printed of it, and how it is asked for again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from workbench.cli import output
from workbench.errors import Exit
from workbench.experiments.running import detaching
from workbench.history.store import Store


def detach(store: Store, run: str, options: argparse.Namespace) -> int:
    """Start `workbench run … --as RUN` in a session of its own; returns when it has begun, or has ended already."""
    code, log = detaching.detach(store, run, _again(options, run))
    if code not in (None, Exit.OK, Exit.CHECKS_FAILED):
        output.narrate(f"it ended at once; its log: {log}")
        for line in log.read_text("utf-8", "replace").splitlines()[-3:]:
            output.narrate(line)
        return int(code)
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
