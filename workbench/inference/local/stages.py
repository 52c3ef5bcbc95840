"""The sampler chain under the microscope: at each token of a given text, what every sampler leaves of the candidates.

The chain is the one that lanes draw with (samplers.py), on the model's full logits, its samplers applied one by one;
penalties, DRY and mirostat are told the text's own tokens, so each step stands where the text was drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import EngineError
from workbench.inference.engine import Stage, Step
from workbench.inference.local.llama import Floats, Ids, Model
from workbench.inference.local.samplers import Candidates, Chain
from workbench.inference.sampling import Sampling

MODEL = "model"  # the first stage: before any sampler
MOST = 200  # candidates that are told of a step
_CHOICES = ("greedy", "mirostat", "adaptive_target", "coupled draw", "dist")  # they choose, and are shown by the choice


class Microscope:
    """Looks at the logits before each token of `text` after `prompt`. `close` it."""

    def __init__(
        self, model: Model, sampling: Sampling, prompt: Ids, text: Ids, *, coupled: bool, top: int, context: int
    ) -> None:
        self._model = model
        self._text = text
        self._top = max(1, min(top, MOST))
        self._chain = Chain(model, sampling, Candidates(model.vocabulary), draw=coupled, context=context)
        self._chain.feed(prompt)
        self.steps: list[Step] = []

    def see(self, logits: Floats) -> None:
        """The logits before the next token of the text."""
        token = int(self._text[len(self.steps)])
        top = min(self._top, len(logits))
        likeliest = np.argpartition(logits, -top)[-top:]
        found: list[tuple[str, npt.NDArray[Any]]] = []
        whole = np.arange(len(logits), dtype=np.int32)
        choice = self._chain.look(logits, lambda name, rows: found.append((name, rows.copy())))
        if choice is None:
            raise EngineError("the grammar allows no token here", hint="the text was not made with this grammar")
        extra = [id for id in dict.fromkeys((token, choice)) if id not in likeliest]
        ids = np.concatenate([likeliest, np.array(extra, likeliest.dtype)])
        ids = ids[np.lexsort((ids, -logits[ids]))]
        stages = [_stage(MODEL, whole, logits, ids)]
        stages += [_stage(name, rows["id"], rows["logit"], ids) for name, rows in found if name not in _CHOICES]
        if found and found[-1][0] in ("mirostat", "adaptive_target"):  # these truncate as they choose
            name, rows = found[-1]
            stages.append(_stage(name, rows["id"], rows["logit"], ids))
        self._chain.told(token)
        named = tuple((int(id), self._model.text(int(id))) for id in ids)
        self.steps.append(Step(token, self._model.text(token), named, tuple(stages), choice))

    def close(self) -> None:
        """Free the chain."""
        self._chain.free()


def _stage(name: str, ids: npt.NDArray[Any], logits: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> Stage:
    """The wanted tokens' probabilities among these candidates."""
    left = np.isfinite(logits)
    weights = np.exp(logits - logits.max(), dtype=np.float64)
    mass = float(weights.sum())
    if len(ids) > len(wanted) * 8:
        places = {int(id): int(np.flatnonzero(ids == id)[0]) for id in wanted if bool((ids == id).any())}
    else:
        places = {int(id): at for at, id in enumerate(ids)}
    p = tuple(float(weights[at]) / mass if (at := places.get(int(id), -1)) >= 0 and left[at] else None for id in wanted)
    return Stage(name, int(left.sum()), p)
