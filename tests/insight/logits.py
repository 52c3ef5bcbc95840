"""An independent computation: llama-cpp-python's own `Llama(logits_all=True)`, in a process of its own.

Reads `[model, prompt, continuation]` as JSON from stdin; writes for each token of the continuation its id, its natural
log-probability, the entropy in nats and its rank there.
"""

from __future__ import annotations

import json
import sys
from typing import Any

ROWS = 32  # as the engine reads a text: how a kernel rounds depends on a row's place among others


def main() -> None:
    """Read the question, print the answer."""
    import numpy as np
    from llama_cpp import Llama

    model, prompt, continuation = json.load(sys.stdin)
    llama: Any = Llama(model_path=model, logits_all=True, n_ctx=1024, n_threads=1, verbose=False)

    def cut(text: str) -> list[int]:
        found: list[int] = llama.tokenize(text.encode(), add_bos=True, special=True)
        return found

    first, whole = cut(prompt), cut(prompt + continuation)
    if whole[: len(first)] != first:
        whole = first + llama.tokenize(continuation.encode(), add_bos=False, special=True)
    llama.eval(first)
    for start in range(len(first), len(whole) - 1, ROWS):
        llama.eval(whole[start : min(start + ROWS, len(whole) - 1)])
    told = []
    for place in range(len(first), len(whole)):
        logits = np.asarray(llama.scores[place - 1], dtype=np.float64)
        logs = logits - logits.max()
        logs -= np.log(np.exp(logs).sum())
        entropy = -float((np.exp(logs) * logs).sum())
        rank = 1 + int((logits > logits[whole[place]]).sum())
        told.append([whole[place], float(logs[whole[place]]), entropy, rank])
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
