"""The wire between client and worker: framed, versioned, typed messages.

A frame is `MAGIC` (2 bytes), the version (1), the payload's length (4, big-endian), the payload (MessagePack).
Commands go down the worker's stdin, replies come up its stdout; both carry `id` where an answer is owed.
"""

from __future__ import annotations

import struct
from typing import TypeVar

import msgspec

from workbench.errors import EngineError
from workbench.inference.encoding import refused
from workbench.inference.engine import (
    Counted,
    Event,
    Generate,
    LoadOptions,
    Message,
    ModelInfo,
    Step,
    Token,
    TokenLogprob,
    Usage,
)
from workbench.inference.sampling import Sampling

MAGIC = b"wb"
VERSION = 1
HEADER = struct.Struct(">2sBI")
MAX_FRAME = 256 * 1024 * 1024


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load the model at `path`; answered by Loading…, then Loaded or Failed."""

    id: int
    path: str
    options: LoadOptions
    shape_hint: int = 0  # a shape measured before for this model and machine; 0 = none


class Tokenize(msgspec.Struct, frozen=True, tag=True):
    """Answered by Tokenized."""

    id: int
    text: str
    special: bool = False


class Render(msgspec.Struct, frozen=True, tag=True):
    """Answered by Rendered."""

    id: int
    messages: tuple[Message, ...]
    generation_prompt: bool = True


class Count(msgspec.Struct, frozen=True, tag=True):
    """Answered by CountedReply."""

    id: int
    messages: tuple[Message, ...]


class Run(msgspec.Struct, frozen=True, tag=True):
    """Generate these trials; answered by Events, one Finished for each."""

    requests: tuple[Generate, ...]


class Score(msgspec.Struct, frozen=True, tag=True):
    """Answered by Scored: the continuation's tokens."""

    id: int
    prompt: str
    continuation: str
    top: int = 0


class ScoreHidden(msgspec.Struct, frozen=True, tag=True):
    """Answered by ScoredMany: the continuation's tokens, for each of `hidden` (spans of the prompt's characters)."""

    id: int
    prompt: str
    continuation: str
    hidden: tuple[tuple[tuple[int, int], ...], ...]


class ScoreMany(msgspec.Struct, frozen=True, tag=True):
    """Answered by ScoredMany: the tokens of each continuation."""

    id: int
    prompt: str
    continuations: tuple[str, ...]
    top: int = 0


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Nobody waits any more for the scores asked for as `id`; their Failed, or what was ready, is of no use."""

    id: int


class NextToken(msgspec.Struct, frozen=True, tag=True):
    """Answered by Scored: the likeliest tokens."""

    id: int
    prompt: str
    top: int = 20


class Stages(msgspec.Struct, frozen=True, tag=True):
    """Answered by Staged: the sampler chain at each token of the continuation."""

    id: int
    prompt: str
    continuation: str
    sampling: Sampling
    coupled: bool = True
    top: int = 20


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Cancel these trials, all when None; answered by Done."""

    id: int
    trials: tuple[str, ...] | None = None


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Answered by Done from the worker's reader; a worker that decodes still answers, one that hangs does not."""

    id: int


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End in good order; the closing of stdin says the same."""


Command = (
    Load
    | Tokenize
    | Render
    | Count
    | Run
    | Score
    | ScoreMany
    | ScoreHidden
    | Drop
    | NextToken
    | Stages
    | Cancel
    | Ping
    | Shutdown
)


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The worker's first frame: it is up and can take a Load."""

    pid: int
    version: int = VERSION


class Loading(msgspec.Struct, frozen=True, tag=True):
    """Progress of a Load, 0…1."""

    id: int
    fraction: float


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is ready."""

    id: int
    info: ModelInfo
    usage: Usage | None = None


class Tokenized(msgspec.Struct, frozen=True, tag=True):
    """The tokens asked for."""

    id: int
    tokens: tuple[Token, ...]


class Rendered(msgspec.Struct, frozen=True, tag=True):
    """The rendered conversation."""

    id: int
    text: str


class CountedReply(msgspec.Struct, frozen=True, tag=True):
    """The counts asked for."""

    id: int
    counted: Counted


class Scored(msgspec.Struct, frozen=True, tag=True):
    """Log-probabilities asked for."""

    id: int
    tokens: tuple[TokenLogprob, ...]


class ScoredMany(msgspec.Struct, frozen=True, tag=True):
    """Log-probabilities asked for: of several texts, or of one several times."""

    id: int
    scored: tuple[tuple[TokenLogprob, ...], ...]


class Staged(msgspec.Struct, frozen=True, tag=True):
    """The stages asked for."""

    id: int
    steps: tuple[Step, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The command was taken."""

    id: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The command failed: what is wrong and what to do, as EngineError says them."""

    id: int
    what: str
    hint: str = ""


class Events(msgspec.Struct, frozen=True, tag=True):
    """Events of running trials, in order; one frame a step carries those of all lanes.

    `decoding` is the worker's own time inside llama_decode for these steps, in seconds; 0 when not measured. `shape`
    is lanes per llama_decode as measured so far; 0 = not yet. `usage` comes with a frame at most once a second,
    and when the worker begins or stops being busy.
    """

    events: tuple[Event, ...]
    decoding: float = 0.0
    shape: int = 0
    usage: Usage | None = None


Reply = (
    Hello
    | Loading
    | Loaded
    | Tokenized
    | Rendered
    | CountedReply
    | Scored
    | ScoredMany
    | Staged
    | Done
    | Failed
    | Events
)

T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()
_COMMANDS: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def frame(message: Command | Reply) -> bytes:
    """`message` as bytes for the pipe."""
    try:
        payload = _ENCODER.encode(message)
    except UnicodeEncodeError as error:
        raise refused() from error
    if len(payload) > MAX_FRAME:
        raise EngineError(f"a message of {len(payload)} bytes is too long for the worker", hint="send less text")
    return HEADER.pack(MAGIC, VERSION, len(payload)) + payload


def length(header: bytes) -> int:
    """The payload's length from a frame's first `HEADER.size` bytes; raises EngineError on garbage."""
    magic, version, size = HEADER.unpack(header)
    if magic != MAGIC or version != VERSION or size > MAX_FRAME:
        raise EngineError("the worker's pipe carries garbage", hint="restart the model")
    return int(size)


def command(payload: bytes) -> Command:
    """A payload as a command; raises EngineError on garbage."""
    return _decode(_COMMANDS, payload)


def reply(payload: bytes) -> Reply:
    """A payload as a reply; raises EngineError on garbage."""
    return _decode(_REPLIES, payload)


def _decode(decoder: msgspec.msgpack.Decoder[T], payload: bytes) -> T:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise EngineError(f"the worker's pipe carries garbage ({error})", hint="restart the model") from error
