"""Coupled sampling: a Gumbel-max draw keyed by (seed, step, token id).

`argmax(logit + gumbel)` draws exactly from softmax(logit). The noise comes from a counter-based hash, not from a
stream, so two lanes with one seed meet the same noise for the same token at the same step: what then differs is the
prompt's doing. No state, no order of calls, the same on every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_STEP = 0x9E3779B97F4A7C15
_SEED = 0xD1B54A32D192ED03
_MASK = (1 << 64) - 1
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_GOLD = np.uint64(_STEP)
_REACH = 41.0  # no noise is over 37.1 or under -3.7: a logit so far below the best never wins


def _mix(value: int) -> int:
    """splitmix64's finaliser on one number."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def uniforms(seed: int, step: int, tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Numbers in (0, 1), one for each token id, from (seed, step, id) alone."""
    key = _mix((_mix((seed * _SEED + _STEP) & _MASK) + step * _STEP) & _MASK)
    mixed = (tokens.astype(np.uint64) + np.uint64(1)) * _GOLD + np.uint64(key)
    mixed = (mixed ^ (mixed >> _30)) * _A
    mixed = (mixed ^ (mixed >> _27)) * _B
    mixed ^= mixed >> _31
    return ((mixed >> _11).astype(np.float64) + 0.5) * 2.0**-53


def choose(seed: int, step: int, tokens: npt.NDArray[np.integer], logits: npt.NDArray[np.floating]) -> int:
    """The index of the candidate drawn; logits of -inf are never drawn unless all are."""
    if len(tokens) == 1:
        return 0
    near = None
    if len(tokens) > 1024:  # untruncated: leave out what cannot win before drawing noise for it
        near = np.flatnonzero(logits > logits.max() - _REACH)
        if len(near) == 0:
            return 0
        tokens, logits = tokens[near], logits[near]
    scores = logits - np.log(-np.log(uniforms(seed, step, tokens)))
    best = int(np.argmax(scores))
    return best if near is None else int(near[best])
