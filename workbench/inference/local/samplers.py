"""A lane's sampler chain: llama.cpp's samplers in llama.cpp's default order, and the choice at the end.

logit_bias → penalties → dry → top_n_sigma → top_k → typical_p → top_p → min_p → xtc → temperature → choice. The choice
is greedy at temperature 0, else mirostat, adaptive-p, the coupled draw (coupled.py) or llama.cpp's `dist`. Mirostat
and adaptive-p draw with their own generator, seeded alike, also when coupled. Penalties and DRY see the prompt, as in
llama.cpp's server; the grammar does not. A setting of -1 ("whole context") is the lane's context length.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import SamplingError
from workbench.inference.local import coupled
from workbench.inference.local.llama import Context, Ids, Model, low
from workbench.inference.sampling import Sampling

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_FEW = 2048  # candidates masked at first where a grammar need not see all
_MIROSTAT_M = 100  # llama.cpp's own constant for mirostat 1


def _rows(array: Any) -> npt.NDArray[Any]:
    """A view of a llama.cpp array of candidates."""
    address = ctypes.addressof(array.data.contents)
    return np.frombuffer((ctypes.c_char * (array.size * _CANDIDATE.itemsize)).from_address(address), _CANDIDATE)


class Candidates:
    """Room for one row of candidates, shared by the lanes that need their logits outside of llama.cpp's own buffer."""

    def __init__(self, vocabulary: int) -> None:
        self.rows: npt.NDArray[Any] = np.zeros(vocabulary, _CANDIDATE)
        self._ids = np.arange(vocabulary, dtype=np.int32)
        self.array = low.llama_token_data_array()

    def fill(self, logits: npt.NDArray[np.float32], likeliest: int = 0) -> None:
        """All tokens with these logits (or so many of the likeliest), unsorted, none selected."""
        ids: npt.NDArray[np.integer]
        if 0 < likeliest < len(logits):
            ids = np.argpartition(logits, -likeliest)[-likeliest:]
            size, logits = likeliest, logits[ids]
        else:
            ids, size = self._ids, len(logits)
        self.rows["id"][:size] = ids
        self.rows["logit"][:size] = logits
        self.array.data = self.rows.ctypes.data_as(low.llama_token_data_p)
        self.array.size = size
        self.array.selected = -1
        self.array.sorted = False


class Chain:
    """The samplers of one lane. `pick` draws a token and tells the chain; free it when the lane ends."""

    def __init__(self, model: Model, sampling: Sampling, candidates: Candidates, *, draw: bool, context: int) -> None:
        self._model = model
        self._sampling = sampling
        self._candidates = candidates
        self._context = context
        self._step = 0
        self._seed = sampling.seed
        self.names: list[str] = []  # of the samplers, in the chain's order
        self._kept: list[object] = []  # what C holds pointers to
        self.grammar: Any = None
        params = low.llama_sampler_chain_default_params()
        params.no_perf = True
        self.handle: Any = low.llama_sampler_chain_init(params)
        try:
            if sampling.grammar.strip():
                self.grammar = self._grammar(sampling.grammar)
            self._build(sampling, draw)
        except BaseException:
            self.free()
            raise

    def _add(self, sampler: Any, name: str) -> None:
        if not sampler:
            raise SamplingError(f"llama.cpp refuses these settings of {name}")
        low.llama_sampler_chain_add(self.handle, sampler)
        self.names.append(name)

    def _build(self, s: Sampling, draw: bool) -> None:
        greedy = s.temperature <= 0
        seed = s.seed % 0xFFFFFFFF  # 0xFFFFFFFF itself means "a random one" to llama.cpp
        self._bias(s)
        self._repetition(s)
        if s.mirostat == 0:
            self._truncations(s, greedy, seed)
        if greedy:
            self._add(low.llama_sampler_init_greedy(), "greedy")
            return
        if s.dynatemp_range > 0 and s.mirostat == 0:
            self._add(
                low.llama_sampler_init_temp_ext(s.temperature, s.dynatemp_range, s.dynatemp_exponent), "temperature"
            )
        else:
            self._add(low.llama_sampler_init_temp(s.temperature), "temperature")
        if s.mirostat == 1:
            size = self._model.vocabulary
            self._add(
                low.llama_sampler_init_mirostat(size, seed, s.mirostat_tau, s.mirostat_eta, _MIROSTAT_M), "mirostat"
            )
        elif s.mirostat == 2:
            self._add(low.llama_sampler_init_mirostat_v2(seed, s.mirostat_tau, s.mirostat_eta), "mirostat")
        elif s.adaptive_target >= 0:
            self._add(low.llama_sampler_init_adaptive_p(s.adaptive_target, s.adaptive_decay, seed), "adaptive_target")
        elif draw:
            self._add(self._draw(), "coupled draw")
        else:
            self._add(low.llama_sampler_init_dist(seed), "dist")

    def _bias(self, s: Sampling) -> None:
        if not s.logit_bias:
            return
        beyond = next((token for token in s.logit_bias if token >= self._model.vocabulary), None)
        if beyond is not None:
            raise SamplingError(
                f"logit_bias names token {beyond}",
                hint=f"this model's tokens go from 0 to {self._model.vocabulary - 1}",
            )
        biases = (low.llama_logit_bias * len(s.logit_bias))(*s.logit_bias.items())
        self._add(low.llama_sampler_init_logit_bias(self._model.vocabulary, len(biases), biases), "logit_bias")

    def _window(self, last_n: int) -> int:
        """A look-back of -1 is the whole context; no more than that is ever kept."""
        return self._context if last_n < 0 else min(last_n, self._context)

    def _repetition(self, s: Sampling) -> None:
        penal = s.repeat_penalty != 1 or s.frequency_penalty != 0 or s.presence_penalty != 0
        if penal and s.repeat_last_n != 0:
            if s.repeat_penalty <= 0:
                raise SamplingError("repeat_penalty = 0 divides by nothing", hint="1 turns it off")
            self._add(
                low.llama_sampler_init_penalties(
                    self._model.vocabulary,
                    self._window(s.repeat_last_n),
                    s.repeat_penalty,
                    s.frequency_penalty,
                    s.presence_penalty,
                ),
                "repeat_penalty",
            )
        if s.dry_multiplier > 0 and s.dry_penalty_last_n != 0:
            texts = [text.encode("utf-8", "replace") for text in s.dry_sequence_breakers]
            breakers = (ctypes.c_char_p * len(texts))(*texts)
            self._add(
                low.llama_sampler_init_dry(
                    self._model.vocab,
                    s.dry_multiplier,
                    s.dry_base,
                    s.dry_allowed_length,
                    self._window(s.dry_penalty_last_n),
                    breakers,
                    len(texts),
                ),
                "dry",
            )

    def _truncations(self, s: Sampling, greedy: bool, seed: int) -> None:
        keep = s.min_keep
        if not greedy:  # those that never remove the likeliest token change nothing when it is taken anyway
            if s.top_n_sigma > 0:
                self._add(low.llama_sampler_init_top_n_sigma(s.top_n_sigma), "top_n_sigma")
            if s.top_k > 0:
                self._add(low.llama_sampler_init_top_k(max(s.top_k, keep)), "top_k")
        if s.typical_p < 1:
            self._add(low.llama_sampler_init_typical(s.typical_p, keep), "typical_p")
        if not greedy:
            if s.top_p < 1:
                self._add(low.llama_sampler_init_top_p(s.top_p, keep), "top_p")
            if s.min_p > 0:
                self._add(low.llama_sampler_init_min_p(s.min_p, keep), "min_p")
        if s.xtc_probability > 0 and s.xtc_threshold <= 0.5:
            self._add(low.llama_sampler_init_xtc(s.xtc_probability, s.xtc_threshold, keep, seed), "xtc")

    def _grammar(self, text: str) -> Any:
        if "\0" in text:
            raise SamplingError("the grammar holds a NUL character")
        sampler = low.llama_sampler_init_grammar(self._model.vocab, text.encode("utf-8", "replace"), b"root")
        if not sampler:
            raise SamplingError(
                "the grammar is no valid GBNF", hint="it needs a rule `root ::= …`; see the model's log"
            )
        return sampler

    def _draw(self) -> Any:
        """A llama.cpp sampler that chooses by the coupled draw, called back with what truncation left."""
        interface = low.llama_sampler_i()
        apply = low.llama_sampler_i_apply(self._choose)
        interface.apply = apply
        self._kept += [interface, apply]
        return low.llama_sampler_init(ctypes.pointer(interface), None)

    def _choose(self, _: Any, array: Any) -> None:
        found = array.contents
        found.selected = 0  # llama.cpp aborts when nothing is selected, whatever happens below
        size = found.size
        if size > 1:
            rows = _rows(found)
            found.selected = coupled.choose(self._seed, self._step, rows["id"], rows["logit"])

    def feed(self, prompt: Ids) -> None:
        """Show penalties and DRY the prompt's end, as far back as they look."""
        s = self._sampling
        look = 0
        if s.repeat_penalty != 1 or s.frequency_penalty != 0 or s.presence_penalty != 0:
            look = self._window(s.repeat_last_n)
        if s.dry_multiplier > 0:
            look = max(look, self._window(s.dry_penalty_last_n))
        for token in prompt[len(prompt) - min(look, len(prompt)) :].tolist():
            low.llama_sampler_accept(self.handle, token)

    def pick(self, context: Context, row: int) -> int | None:
        """Draw a token from the logits of `row` and tell the chain; None when the grammar allows none."""
        if self.grammar is None:
            token = int(low.llama_sampler_sample(self.handle, context.handle, row))
        else:
            found = self._constrained(context.logits(row))
            if found is None:
                return None
            token = found
        self._step += 1
        return token

    def look(self, logits: npt.NDArray[np.float32], see: Callable[[str, npt.NDArray[Any]], None]) -> int | None:
        """Apply the samplers one by one to all candidates; `see` hears each one's name and what it left (a view).

        Returns the token that is drawn, None when the grammar allows none. `told` goes on to the next step.
        """
        candidates = self._candidates
        array, pointer = candidates.array, ctypes.byref(candidates.array)
        candidates.fill(logits)
        if self.grammar is not None:
            low.llama_sampler_apply(self.grammar, pointer)
            allowed = candidates.rows[np.isfinite(candidates.rows["logit"])]
            if len(allowed) == 0:
                return None
            candidates.rows[: len(allowed)] = allowed
            array.size = len(allowed)
            see("grammar", candidates.rows[: array.size])
        for place, name in enumerate(self.names):
            low.llama_sampler_apply(low.llama_sampler_chain_get(self.handle, place), pointer)
            see(name, _rows(array))
        return int(array.data[max(0, array.selected)].id)

    def told(self, token: int) -> None:
        """This token stands at the step that was looked at."""
        low.llama_sampler_accept(self.handle, token)
        if self.grammar is not None:
            low.llama_sampler_accept(self.grammar, token)
        self._step += 1

    def lift_grammar(self) -> None:
        """No grammar from here on: llama.cpp ends the process on a token that it does not allow."""
        if self.grammar is not None:
            low.llama_sampler_free(self.grammar)
            self.grammar = None

    def _constrained(self, logits: npt.NDArray[np.float32]) -> int | None:
        """A token that the grammar allows: masked before everything else.

        Masking a whole vocabulary takes longer than a step. Where only the `need` likeliest allowed tokens can be
        drawn anyway, masking the likeliest few thousand gives the same, as long as that many of them are allowed.
        """
        candidates = self._candidates
        pointer = ctypes.byref(candidates.array)
        need = self._need()
        count = 0
        for likeliest in (_FEW, 0) if need else (0,):
            candidates.fill(logits, likeliest)
            low.llama_sampler_apply(self.grammar, pointer)
            rows = candidates.rows[: candidates.array.size]
            allowed = np.isfinite(rows["logit"])
            count = int(allowed.sum())
            if count >= need > 0:
                break
        if count == 0:
            return None
        candidates.rows[:count] = rows[allowed]
        candidates.array.size = count
        low.llama_sampler_apply(self.handle, pointer)
        selected = candidates.array.data[max(0, candidates.array.selected)]
        token = int(selected.id)
        low.llama_sampler_accept(self.handle, token)
        low.llama_sampler_accept(self.grammar, token)
        return token

    def _need(self) -> int:
        """How many of the likeliest tokens the chain looks at; 0 when it looks at all, or changes their order first."""
        s = self._sampling
        penal = s.repeat_penalty != 1 or s.frequency_penalty != 0 or s.presence_penalty != 0 or s.dry_multiplier > 0
        if s.logit_bias or penal or s.mirostat or s.top_n_sigma > 0:
            return 0
        if s.temperature <= 0:
            return 1 if s.typical_p >= 1 and s.xtc_probability <= 0 else 0
        return max(s.top_k, s.min_keep) if s.top_k > 0 else 0

    def free(self) -> None:
        """Give the samplers back. Idempotent."""
        if self.grammar is not None:
            low.llama_sampler_free(self.grammar)
            self.grammar = None
        if self.handle is not None:
            low.llama_sampler_free(self.handle)
            self.handle = None
        self._kept.clear()
