"""What our engine is compared with, each in a process of its own: `python -m benchmarks.arms high|bare MODEL THREADS`.

`high` is the high-level class of llama-cpp-python, one lane after another. `bare` is the least loop over llama_decode
that can do the job: no cache kept, no stop strings, no events, no text; all lanes in one batch ("batch") or one lane a
decode in turn ("alternating"). Each takes {"arm", "prompts", "tokens"} and answers {"tokens", "seconds", "decoding"}:
tokens made, seconds in all, tokens a second after the first token of every lane.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import llama_cpp.llama_cpp as low

from benchmarks.common import sampling, serve

CONTEXT = 4096
BATCH = 512


class High:
    """The class people use, with its defaults; it streams, as ours does."""

    def __init__(self, path: str, threads: int) -> None:
        from llama_cpp import Llama

        self._llama = Llama(
            path, n_ctx=CONTEXT, n_batch=BATCH, n_threads=threads, n_threads_batch=threads, verbose=False
        )

    def run(self, question: dict[str, Any]) -> dict[str, Any]:
        """Each prompt's answer after the other."""
        began = time.perf_counter()
        made, streaming = 0, 0.0
        for seed, prompt in enumerate(question["prompts"]):
            s = sampling(seed, question["tokens"])
            first = 0.0
            for _ in self._llama.create_completion(
                prompt,
                max_tokens=s.max_tokens,
                temperature=s.temperature,
                top_k=s.top_k,
                top_p=s.top_p,
                min_p=s.min_p,
                repeat_penalty=1.0,
                seed=seed,
                stream=True,
            ):
                first = first or time.perf_counter()
            streaming += time.perf_counter() - first
            made += self._llama.n_tokens - len(self._llama.tokenize(prompt.encode()))
        # The last token of an answer is never fed back: it is in the text and not in n_tokens.
        made += len(question["prompts"])
        return {
            "tokens": made,
            "seconds": time.perf_counter() - began,
            "decoding": (made - len(question["prompts"])) / streaming,
        }


class Bare:
    """One context, a sequence a lane, a C sampler chain a lane."""

    def __init__(self, path: str, threads: int, lanes: int = 8) -> None:
        low.llama_backend_init()
        params = low.llama_model_default_params()
        params.n_gpu_layers = 0
        self._model = low.llama_model_load_from_file(path.encode(), params)
        self._vocab = low.llama_model_get_vocab(self._model)
        settings = low.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch, settings.n_seq_max = CONTEXT, BATCH, BATCH, lanes
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified, settings.no_perf = True, True
        self._context = low.llama_init_from_model(self._model, settings)
        self._memory = low.llama_get_memory(self._context)
        self._batch = low.llama_batch_init(BATCH, 0, 1)

    def run(self, question: dict[str, Any]) -> dict[str, Any]:
        """All prompts together."""
        tokens: int = question["tokens"]
        prompts = [self._tokenize(prompt) for prompt in question["prompts"]]
        chains = [self._chain(sampling(seed, tokens)) for seed in range(len(prompts))]
        low.llama_memory_clear(self._memory, False)
        group = 1 if question["arm"] == "alternating" else len(prompts)
        began = time.perf_counter()
        last = self._prefill(prompts, chains)
        position = [len(prompt) for prompt in prompts]
        made = len(prompts)
        live = list(range(len(prompts)))
        first = time.perf_counter()
        decode, sample, context, batch = low.llama_decode, low.llama_sampler_sample, self._context, self._batch
        for _ in range(tokens - 1):
            live = [lane for lane in live if not low.llama_vocab_is_eog(self._vocab, last[lane])]
            for start in range(0, len(live), group):
                lanes = live[start : start + group]
                for row, lane in enumerate(lanes):
                    self._put(row, last[lane], position[lane], lane, 1)
                    position[lane] += 1
                batch.n_tokens = len(lanes)
                if decode(context, batch):
                    raise RuntimeError("llama_decode failed")
                for row, lane in enumerate(lanes):
                    last[lane] = sample(chains[lane], context, row)
                made += len(lanes)
        end = time.perf_counter()
        for chain in chains:
            low.llama_sampler_free(chain)
        return {"tokens": made, "seconds": end - began, "decoding": (made - len(prompts)) / (end - first)}

    def _put(self, row: int, token: int, position: int, lane: int, wanted: int) -> None:
        batch = self._batch
        batch.token[row], batch.pos[row], batch.logits[row] = token, position, wanted
        batch.n_seq_id[row] = 1
        batch.seq_id[row][0] = lane

    def _prefill(self, prompts: list[list[int]], chains: list[Any]) -> list[int]:
        """Read in all prompts, packed; returns each lane's first token."""
        rows = [
            (token, place, lane, place == len(prompt) - 1)
            for lane, prompt in enumerate(prompts)
            for place, token in enumerate(prompt)
        ]
        found = [0] * len(prompts)
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            for row, values in enumerate(part):
                self._put(row, *values)
            self._batch.n_tokens = len(part)
            if low.llama_decode(self._context, self._batch):
                raise RuntimeError("llama_decode failed")
            for row, (_, _, lane, wanted) in enumerate(part):
                if wanted:
                    found[lane] = low.llama_sampler_sample(chains[lane], self._context, row)
        return found

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode()
        room = (low.llama_token * (len(data) + 8))()
        count = low.llama_tokenize(self._vocab, data, len(data), room, len(room), True, True)
        return list(room[:count])

    def _chain(self, s: Any) -> Any:
        params = low.llama_sampler_chain_default_params()
        params.no_perf = True
        chain = low.llama_sampler_chain_init(params)
        for sampler in (
            low.llama_sampler_init_top_k(s.top_k),
            low.llama_sampler_init_top_p(s.top_p, s.min_keep),
            low.llama_sampler_init_min_p(s.min_p, s.min_keep),
            low.llama_sampler_init_temp(s.temperature),
            low.llama_sampler_init_dist(s.seed),
        ):
            low.llama_sampler_chain_add(chain, sampler)
        return chain


if __name__ == "__main__":
    kind, model, count = sys.argv[1:4]
    serve((High if kind == "high" else Bare)(model, int(count)).run)
