"""Draws of the real sampler chain at one place, many times over, beside what the microscope says of that place.

Reads `[model, prompt, settings, coupled, draws]` as JSON from stdin; writes the last stage's probabilities and how
often each token was drawn. In a process of its own: only a worker may hold llama.cpp.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter


def main() -> None:
    """Read the question, print the answer."""
    from workbench.inference.engine import LoadOptions
    from workbench.inference.local.llama import Context, Log, Model
    from workbench.inference.local.samplers import Candidates, Chain
    from workbench.inference.local.tracing import Tracer
    from workbench.inference.sampling import make

    path, prompt, settings, coupled, draws = json.load(sys.stdin)
    options = LoadOptions(offload=0)
    log = Log()  # llama.cpp calls it to the end
    model = Model(path, log, options=options)
    ids = model.tokenize(prompt, add_special=True, parse_special=True)
    context = Context(model, cells=512, sequences=1, unified=False, threads=1, options=options)
    rows = len(ids)
    context.token[:rows], context.position[:rows], context.sequence[:rows] = ids, range(rows), 0
    context.wanted[:rows] = 0
    context.wanted[rows - 1] = 1
    assert context.decode(rows) == 0
    sampling = make(settings)
    tracer = Tracer(model, sampling, ids, coupled=coupled, context=512, top=5000)
    traced = tracer(context.logits(rows - 1), int(ids[0]))
    tracer.free()
    last = traced.stages[-1].logprobs
    chances = {id: math.exp(p) for (id, _), p in zip(traced.candidates, last, strict=True) if p is not None}
    chain = Chain(model, sampling, Candidates(model.vocabulary), draw=coupled, context=512)
    seen = Counter(chain.pick(context, rows - 1) for _ in range(draws))
    chain.free()
    context.free()
    json.dump({"chances": chances, "left": traced.stages[-1].left, "drawn": list(seen.items())}, sys.stdout)


if __name__ == "__main__":
    main()
