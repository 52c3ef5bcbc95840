"""The engine: what generates. The protocol that every engine keeps, and the requests and events it speaks in.

The local worker, the remote client and the test double pass the same contract tests (tests/inference/contract.py).
Nothing here imports a model library; the structs travel over the wire as they are (inference/local/protocol.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from workbench.inference.sampling import Sampling

Role = Literal["system", "user", "assistant"]
Mode = Literal["fast", "strict"]
Finish = Literal["stop", "length", "cancelled", "interrupted", "error"]
TokenKind = Literal["normal", "control", "byte", "unknown", "user-defined", "unused"]  # as its tokenizer says
State = Literal["unloaded", "loading", "ready", "failed", "closed"]


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is loaded; loading.py has each setting's range and help.

    `context_length` is in tokens and for each lane; 0 takes the smaller of the model's own and 4096. `offload` is the
    number of layers on the GPU, -1 all of them. `threads` 0 = one a physical core (within the container's limit).
    `shape` is lanes per `llama_decode`: 0 measures it when the model is loaded ("auto"). `kv_type` is that of keys, and
    of values unless `kv_type_v` says another. `tensor_split` is each GPU's share, () by free memory. `rope_freq_base`
    (Hz-like, RoPE's theta) and `rope_freq_scale` 0 = as the file says.
    """

    context_length: int = 0
    lanes: int = 8
    offload: int = -1
    threads: int = 0
    batch: int = 512
    flash_attention: Literal["auto", "on", "off"] = "auto"
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    kv_type_v: Literal["", "f16", "q8_0", "q4_0"] = ""
    shape: int = 0
    mmap: bool = True
    mlock: bool = False
    split_mode: Literal["layer", "row", "none"] = "layer"
    main_gpu: int = 0
    tensor_split: tuple[float, ...] = ()
    rope_scaling: Literal["model", "none", "linear", "yarn"] = "model"
    rope_freq_base: float = 0.0
    rope_freq_scale: float = 0.0


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the loaded model is. Sizes in bytes, lengths in tokens, `load_s` in seconds.

    `vram` is what loading took on the GPUs (0: none, or unknown). `options` are those it was loaded with.
    """

    name: str
    path: str
    architecture: str
    parameters: int
    size: int
    vocabulary: int
    trained_context: int
    context_length: int
    template: bool  # whether the file carries a chat template (else ChatML is used, and said)
    shape: int  # lanes per llama_decode, as chosen
    devices: tuple[str, ...] = ()
    offloaded: int = 0
    load_s: float = 0.0
    warning: str = ""
    vram: int = 0
    options: LoadOptions = LoadOptions()


class Usage(msgspec.Struct, frozen=True):
    """How full the engine is: lanes being generated of those it generates together, and cells of its KV caches in use.

    A cell holds the keys and values of one token; cells that sequences share count once, and beginnings that are kept
    for the next turn count. `waiting` trials have no lane yet.
    """

    live: int
    lanes: int
    cells_used: int
    cells: int
    waiting: int = 0


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token. Texts joined give the input back: a token that ends inside a character has "" and the last has all.

    `raw` are the token's own bytes where `text` does not say them (part of a character, a blank put in front).
    """

    id: int
    text: str
    kind: TokenKind = "normal"
    raw: bytes = b""

    @property
    def data(self) -> bytes:
        """The bytes that the token stands for."""
        return self.raw or self.text.encode("utf-8", "replace")


class TokenLogprob(msgspec.Struct, frozen=True):
    """Natural-log probability of a token under the model (before any sampler), with the likeliest alternatives.

    `entropy` is that of the whole distribution it was one of, in nats; `rank` how many tokens are likelier, and one:
    both None where the engine does not see it whole.
    """

    id: int
    text: str
    logprob: float
    top: tuple[tuple[int, str, float], ...] = ()  # (id, text, logprob), likeliest first
    entropy: float | None = None
    rank: int | None = None


class Stage(msgspec.Struct, frozen=True):
    """The candidates after one sampler: how many are left, and the probability of each of the step's, renormalised.

    None for one that was removed, by this sampler or before.
    """

    name: str
    left: int
    p: tuple[float | None, ...]


class Step(msgspec.Struct, frozen=True):
    """What the sampler chain does before a token of a given text: the first stage is the model's own distribution.

    `candidates` are the likeliest tokens there (id, text) and always `id`, the token of the text, and `choice`, the one
    that the chain draws at this step with its seed (-1 where a grammar leaves none).
    """

    id: int
    text: str
    candidates: tuple[tuple[int, str], ...]
    stages: tuple[Stage, ...]
    choice: int

    def p(self, token: int, stage: int = -1) -> float:
        """The probability of a candidate after a stage; 0 where it was removed."""
        place = next(at for at, (id, _) in enumerate(self.candidates) if id == token)
        return self.stages[stage].p[place] or 0.0


class Counted(msgspec.Struct, frozen=True):
    """Exact token counts of a conversation as the chat template renders it.

    `prompt_tokens` is what will be fed; `message_tokens` counts each message's own text alone; `special` lists the
    control tokens found inside messages' texts (`<|im_end|>` in a variable ends the turn for the model).
    """

    prompt_tokens: int
    message_tokens: tuple[int, ...]
    special: tuple[str, ...] = ()


class Generate(msgspec.Struct, frozen=True, kw_only=True):
    """One trial to generate. Either `messages` (rendered by the chat template) or `prompt` (raw text) is given.

    `trial` is the caller's id, unique among live trials. `coupled` draws by Gumbel-max keyed by (seed, step, token).
    `logprobs` 0 is off and costs nothing; n ≥ 1 reports the chosen token's and the n likeliest ones'.
    """

    trial: str
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    mode: Mode = "fast"
    coupled: bool = True
    logprobs: int = 0


class Started(msgspec.Struct, frozen=True, tag=True):
    """A trial's prompt is about to be read in. `cached_tokens` of it were already in the cache (shared prefix)."""

    trial: str
    prompt_tokens: int
    cached_tokens: int = 0


class Piece(msgspec.Struct, frozen=True, tag=True):
    """More text of a trial: whole characters only. `tokens` is how many tokens it took since the last piece."""

    trial: str
    text: str
    tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = ()


class Finished(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The end of a trial: always exactly one, whatever happens. Times in seconds since the worker took the request.

    `first_token_s` is None when there was none; `tokens_per_s` counts from the first token on. With finish "error",
    `error` is the one line to show.
    """

    trial: str
    finish: Finish
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    mode: Mode = "fast"


Event = Started | Piece | Finished


class Engine(Protocol):
    """What generates. One model each. All methods belong to one event loop.

    Errors of use and of the model raise EngineError; `generate` never raises for a failing model: each of its trials
    ends in a Finished with finish "error". After a failure `load` starts afresh.
    """

    @property
    def state(self) -> State:
        """Where the engine stands; "failed" after a crash, until `load`."""
        ...

    @property
    def info(self) -> ModelInfo | None:
        """The loaded model, None until `load` succeeded."""
        ...

    @property
    def usage(self) -> Usage | None:
        """How full it was when it was last heard of: a second ago at most while it generates. Costs nothing to ask.

        None when nothing is loaded, and always where the engine cannot tell (a server of others').
        """
        ...

    async def load(self, on_progress: Callable[[float], None] | None = None) -> ModelInfo:
        """Load (or restart); reports progress 0…1. Returns at once when ready. Raises EngineError."""
        ...

    async def tokenize(self, text: str, *, special: bool = False) -> tuple[Token, ...]:
        """The tokens of `text` as it stands (no BOS added); `special` parses control tokens.

        Raises EngineError for half a character (a lone surrogate), which no tokenizer takes.
        """
        ...

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the model's chat template writes it."""
        ...

    async def count(self, messages: Sequence[Message]) -> Counted:
        """Exact counts; served while lanes stream. The same `prompt_tokens` that `Started` will report."""
        ...

    def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """Run trials together; events as they come, each trial's in order. May be called while others run.

        Closing the iterator cancels what is left of its trials.
        """
        ...

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        """Log-probability of each token of `continuation` after `prompt` (raw text), with the `top` likeliest there.

        Their texts joined give `continuation` back.
        """
        ...

    async def score_hidden(
        self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """As `score`, once for each of `hidden`: characters (start, end) of the prompt that it may not look at.

        The prompt is read once, whole. Then only its last token and the continuation are read again, with the keys and
        values of tokens that end in those spans out of their sight. What stands after a span has read it, and nothing
        moves up: so it is near to what leaving the span out gives, not the same (attention knockout, Geva et al. 2023).
        `()` hides nothing. Raises EngineError where the engine cannot do it (servers, recurrent models).
        """
        ...

    async def score_many(
        self, prompt: str, continuations: Sequence[str], *, top: int = 0
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """What `score` gives for each continuation, after the same prompt; empty for an empty one.

        A local engine reads the prompt once and what it can together; a server is asked for one after the other.
        """
        ...

    async def next_token(self, prompt: str, top: int = 20) -> tuple[TokenLogprob, ...]:
        """The `top` likeliest next tokens after `prompt` (raw text), likeliest first."""
        ...

    async def stages(
        self, prompt: str, continuation: str, sampling: Sampling, *, coupled: bool = True, top: int = 20
    ) -> tuple[Step, ...]:
        """The sampler chain at each token of `continuation` after `prompt` (raw text), sampler by sampler.

        The text is read a token a step, as a strict trial was made, and nothing is generated.

        Raises EngineError where the engine does not show its samplers (servers).
        """
        ...

    async def cancel(self, trials: Sequence[str] | None = None) -> None:
        """End these trials (all when None) with finish "cancelled"; returns when the engine took the request."""
        ...

    async def close(self) -> None:
        """Stop at once: cooperative, then terminate, then kill. Idempotent."""
        ...
