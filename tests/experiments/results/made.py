"""Trials made by hand, as the history gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.history.store import Store

EVIL = (
    "</script><img src=x onerror=alert(1)> \x1b]52;c;aGk=\x07 \x9b2J \u202e | `a` [x](javascript:1) <b>&amp; ]]> "
    "\x00\ud800\ufffe"
)


def check(type: str = "contains", score: float = 1.0, reason: str = "it does", **more: Any) -> dict[str, Any]:
    return {"type": type, "passed": score >= 1, "score": score, "reason": reason, "weight": 1.0, **more}


def trial(variant: str = "A", case: str = "one", score: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """A TRIAL with one check, or none; `checks` in `more` are taken instead."""
    repeat = more.pop("repeat", 0)
    return {
        "id": f"r1-{variant}-{case}-{repeat}",
        "run": "r1",
        "variant": variant,
        "case": case,
        "repeat": repeat,
        "prompt": f"system/{variant.lower()}",
        "version": "f" * 64,
        "profile": None,
        "model": "tiny",
        "path": "/models/tiny.gguf",
        "model_size": 1000,
        "sampling": {"temperature": 0.7, "top_k": 40, "seed": 1},
        "seed": 1,
        "mode": "fast",
        "coupled": True,
        "lead": [{"role": "system", "content": "Be brief."}],
        "messages": [{"role": "user", "content": f"Say {case}."}],
        "text": f"{variant} says {case}",
        "finish": "stop",
        "error": None,
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "first_token_s": 0.5,
        "tokens_per_s": 20.0,
        "checks": [] if score is None else [check(score=score)],
        "load": {"context_length": 2048},
        **more,
    }


def keep(store: Store, run: str, trials: Sequence[dict[str, Any]], **meta: object) -> None:
    """Write trials to the history as a run that has ended; one with finish "running" stays so."""
    store.begin_run(run, "experiment", meta)
    ids = [f"{run}-{at:06d}" for at in range(len(trials))]
    plan = ("checks", "text", "finish", "error", "load", "completion_tokens", "prompt_tokens", "score", "passed")
    rows = [
        {**{key: value for key, value in each.items() if key not in plan}, "id": id, "run": run}
        for id, each in zip(ids, trials, strict=True)
    ]
    store.begin_trials(run, rows)
    for id, each in zip(ids, trials, strict=True):
        if each["finish"] != "running":
            store.finish(id, {**each, "id": id, "run": run}).result()


def store_at(folder: Path) -> Store:
    return Store(folder / "history.db")
