"""The content address of a trial: what made it, as one hash. The same address, the same trial.

In it: the prompt's version, the rendered messages, the model's identity, all sampler settings, seed, repeat, mode,
coupling and those load options that change what is computed. Not in it: labels, names of cases, checks, lanes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from workbench.experiments.checks.model import Check
from workbench.experiments.experiment import TrialPlan, Variant
from workbench.inference.engine import LoadOptions
from workbench.inference.remote.address import is_remote
from workbench.models.catalog import Model

FORMAT = 1  # another one makes all addresses new
LOADED = (
    "context_length",
    "kv_type",
    "kv_type_v",
    "flash_attention",
    "rope_scaling",
    "rope_freq_base",
    "rope_freq_scale",
)


def identity(model: Model) -> tuple[str, ...]:
    """What tells the model's weights from others': its file's name and size with its sha256, or its time of change."""
    if is_remote(model.path):
        return ("remote", str(model.path))
    known = model.sha256 or ""
    if not known:
        with suppress(OSError):
            known = str(os.stat(model.path).st_mtime_ns)
    return ("local", os.path.basename(model.path), str(model.size), known)


def maker(variant: Variant, model: tuple[str, ...], options: LoadOptions | None, twin: int = 0) -> tuple[Any, ...]:
    """What all trials of a variant share, but for the messages and the seed. `twin` tells equal variants apart.

    Without that, an A/A experiment that runs again would take A's trials for B's.
    """
    settings = msgspec.structs.asdict(variant.sampling)
    settings.pop("seed")
    loaded = [getattr(options, name) for name in LOADED] if options else []
    profile = variant.profile.version if variant.profile else ""
    return (FORMAT, variant.version, profile, model, sorted(settings.items()), loaded, twin)


def address_of(plan: TrialPlan, made_by: tuple[Any, ...]) -> str:
    """The address of a planned trial, 64 hex digits."""
    messages = [(message.role, message.content) for message in (*plan.variant.lead, *plan.messages)]
    whole = (made_by, messages, plan.variant.sampling.seed, plan.repeat, plan.mode, plan.coupled)
    return hashlib.sha256(_packed(whole)).hexdigest()


def rules_of(checks: Sequence[Check], threshold: float | None, values: object, judges: tuple[Any, ...] = ()) -> str:
    """A hash of what a trial is checked by: verdicts of the same rules on the same text stand.

    `judges` are the prompts and models that the checks name (judges.py).
    """
    told = [(c.type, c.kind, sorted(c.options.items()), c.negated, c.weight, c.threshold) for c in checks]
    return hashlib.sha256(_packed((told, threshold, values, *judges))).hexdigest()[:16]


def _packed(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except UnicodeEncodeError:  # half a character, out of bytes that were no UTF-8
        return repr(value).encode("ascii", "backslashreplace")
