"""The sampler chain under the microscope: at each token of a given text, what every sampler leaves of the candidates.

The chain is the one that lanes draw with (samplers.py), on the model's full logits, its samplers applied one by one
with the trial's dice; then the text's own token is accepted as if it had been drawn. So penalties, DRY, mirostat and
the generators stand at each token where they stood when the text was made.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.inference.engine import Stage, Step
from workbench.inference.local.llama import Floats, Ids, Model
from workbench.inference.local.samplers import Candidates, Chain
from workbench.inference.sampling import Sampling

MODEL = "model"  # the first stage: before any sampler
MOST = 1000  # candidates that are told of a step, before the chain and after it
NONE = -1  # the choice where a grammar leaves nothing
_CHOICES = ("greedy", "coupled draw", "dist")  # they choose, and change no probability
_FEW = 4096  # rows that are looked up one by one; more go over the whole vocabulary


class Microscope:
    """One text under one chain, token after token. `close` it."""

    def __init__(self, model: Model, sampling: Sampling, prompt: Ids, *, coupled: bool, top: int, context: int) -> None:
        self._model = model
        self._top = max(1, min(top, MOST, model.vocabulary))
        self._chain = Chain(model, sampling, Candidates(model.vocabulary), draw=coupled, context=context)
        self._chain.feed(prompt)

    def see(self, logits: Floats, token: int) -> Step:
        """What the chain does where `token` stands in the text, given the logits there."""
        chain = self._chain
        seen: list[tuple[str, Ids, Floats]] = [(MODEL, *_left(np.arange(len(logits), dtype=np.int32), logits))]
        chosen = chain.look(logits, lambda name, rows: seen.append((name, *_left(rows["id"], rows["logit"]))))
        choice = NONE if chosen is None else chosen
        if choice == NONE or (chain.grammar is not None and token not in seen[1][1]):
            chain.lift_grammar()
        chain.told(token)
        if choice == NONE:
            seen.append(("grammar", np.zeros(0, np.int32), np.zeros(0, np.float32)))
        stages = [stage for stage in seen if stage[0] not in _CHOICES]
        shown = {*_likeliest(stages[0], self._top), *_likeliest(stages[-1], self._top), token}
        if choice != NONE:
            shown.add(choice)
        ids = np.array(sorted(shown, key=lambda each: (-float(logits[each]), each)), np.int32)
        return Step(
            id=token,
            text=self._model.text(token),
            candidates=tuple((int(each), self._model.text(int(each))) for each in ids),
            stages=tuple(self._stage(*stage, ids) for stage in stages),
            choice=choice,
        )

    def _stage(self, name: str, left: Ids, logits: Floats, wanted: Ids) -> Stage:
        if not len(left):
            return Stage(name, 0, (None,) * len(wanted))
        best = float(logits.max())
        mass = float(np.exp(logits - best).sum(dtype=np.float64))
        if len(left) <= _FEW:
            known = dict(zip(left.tolist(), logits.tolist(), strict=True))
            found = [known.get(each, -math.inf) for each in wanted.tolist()]
        else:
            whole = np.full(self._model.vocabulary, -np.inf, np.float32)
            whole[left] = logits
            found = whole[wanted].tolist()
        there = tuple(math.exp(value - best) / mass if math.isfinite(value) else None for value in found)
        return Stage(name, len(left), there)

    def close(self) -> None:
        """Free the chain. Idempotent."""
        self._chain.free()


def _left(ids: Ids, logits: Floats) -> tuple[Ids, Floats]:
    """Copies of what is left; a token at minus infinity is not."""
    there = np.isfinite(logits)
    return ids[there].copy(), logits[there].copy()


def _likeliest(stage: tuple[str, Ids, Floats], top: int) -> list[int]:
    _, ids, logits = stage
    if len(ids) > top:
        ids = ids[np.argpartition(logits, -top)[-top:]]
    return [int(each) for each in ids]
