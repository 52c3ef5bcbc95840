"""The sampler chain looked into: at each token of a given text, what every sampler leaves, and what would be drawn.

The samplers are llama.cpp's own, applied one by one to the whole vocabulary in the chain's order, with the dice of the
trial; the text's own token is then accepted as if it had been drawn. So penalties, DRY, mirostat and the generators
stand at each token where they stood when the text was generated.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from workbench.inference.engine import Stage, Traced
from workbench.inference.local.llama import Floats, Ids, Model, low
from workbench.inference.local.samplers import Candidates, Chain, rows_of
from workbench.inference.sampling import Sampling

_CHOICES = ("greedy", "dist", "coupled draw")  # they choose, and change no probability
_FEW = 4096  # rows that are looked up one by one; more go over the whole vocabulary


class Tracer:
    """One text under one chain, token after token; free it at the end."""

    def __init__(self, model: Model, sampling: Sampling, prompt: Ids, *, coupled: bool, context: int, top: int) -> None:
        self._model = model
        self._top = max(1, min(top, model.vocabulary))
        self._room = Candidates(model.vocabulary)
        self._chain = Chain(model, sampling, self._room, draw=coupled, context=context)
        self._chain.feed(prompt)

    def __call__(self, logits: Floats, token: int) -> Traced:
        """What the chain does at the text's next token, given the logits there."""
        chain, room = self._chain, self._room
        room.fill(logits)
        pointer = ctypes.byref(room.array)
        seen = [("model", *_left(room.array))]
        if chain.grammar is not None:
            low.llama_sampler_apply(chain.grammar, pointer)
            seen.append(("grammar", *_left(room.array)))
            if not len(seen[-1][1]):  # llama.cpp's samplers end the process when nothing is left
                chain.lift_grammar()
                return self._told(logits, token, -1, seen)
            self._drop_impossible()
        for at, name in enumerate(chain.names):
            low.llama_sampler_apply(low.llama_sampler_chain_get(chain.handle, at), pointer)
            if name not in _CHOICES:
                seen.append((name, *_left(room.array)))
        drawn = int(room.array.data[max(0, room.array.selected)].id)
        if chain.grammar is not None and token not in seen[1][1]:
            chain.lift_grammar()
        chain.told(token)
        if "greedy" in chain.names:
            seen.append(("greedy", np.array([drawn], np.int32), np.zeros(1, np.float32)))
        return self._told(logits, token, drawn, seen)

    def _drop_impossible(self) -> None:
        """Those that the grammar masked, as a constrained lane does before its chain."""
        rows = self._room.rows[: self._room.array.size]
        allowed = np.isfinite(rows["logit"])
        count = int(allowed.sum())
        self._room.rows[:count] = rows[allowed]
        self._room.array.size = count

    def _told(self, logits: Floats, token: int, drawn: int, seen: list[tuple[str, Ids, Floats]]) -> Traced:
        first, last = seen[0], seen[-1]
        shown = {*_likeliest(first, self._top), *_likeliest(last, self._top), token, *([drawn] if drawn >= 0 else [])}
        ids = np.array(sorted(shown, key=lambda each: (-float(logits[each]), each)), np.int32)
        return Traced(
            id=token,
            text=self._model.text(token),
            drawn=drawn,
            candidates=tuple((int(each), self._model.text(int(each))) for each in ids),
            stages=tuple(self._stage(name, left, logits, ids) for name, left, logits in seen),
        )

    def _stage(self, name: str, left: Ids, logits: Floats, ids: Ids) -> Stage:
        if not len(left):
            return Stage(name, 0, (None,) * len(ids))
        best = float(logits.max())
        total = best + math.log(float(np.exp(logits - best).sum(dtype=np.float64)))
        if len(left) <= _FEW:
            known = dict(zip(left.tolist(), logits.tolist(), strict=True))
            found = [known.get(each) for each in ids.tolist()]
        else:
            whole = np.full(self._model.vocabulary, -np.inf, np.float32)
            whole[left] = logits
            found = [value if math.isfinite(value) else None for value in whole[ids].tolist()]
        return Stage(name, len(left), tuple(None if value is None else value - total for value in found))

    def free(self) -> None:
        """Give the chain back. Idempotent."""
        self._chain.free()


def _left(array: Any) -> tuple[Ids, Floats]:
    """The tokens that are left, and their logits; one at minus infinity is not."""
    if not array.size:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    rows = rows_of(array)
    rows = rows[np.isfinite(rows["logit"])]
    return rows["id"].copy(), rows["logit"].copy()


def _likeliest(stage: tuple[str, Ids, Floats], top: int) -> list[int]:
    _, ids, logits = stage
    if len(ids) > top:
        ids = ids[np.argpartition(logits, -top)[-top:]]
    return [int(each) for each in ids]
