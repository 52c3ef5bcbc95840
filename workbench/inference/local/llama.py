"""llama.cpp by its C interface: the only module that imports llama_cpp, and only in the worker process.

A thin layer: the model with its vocabulary, a context with its sequences, and a batch laid over numpy arrays. What is
wrong with a file or a setting raises EngineError; what llama.cpp would abort on is checked before it is called.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import EngineError
from workbench.inference.engine import LoadOptions, TokenKind

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

_SMALL = 256  # the cache is rounded up to so many cells, as llama.cpp does
OUTPUTS = 64  # rows with logits in one llama_decode, at most, when no more lanes want it
KV_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}
_KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
_FLASH = {"auto": -1, "off": 0, "on": 1}
_SPLIT = {"none": 0, "layer": 1, "row": 2}
# enum llama_token_attr, the telling ones before the common one
_KINDS: tuple[tuple[int, TokenKind], ...] = (
    (1 << 0, "unknown"),
    (1 << 5, "byte"),
    (1 << 3, "control"),
    (1 << 4, "user-defined"),
    (1 << 1, "unused"),
)
_ROPE = {"model": -1, "none": 0, "linear": 1, "yarn": 2}


def _bindings() -> Any:
    """llama_cpp.llama_cpp without what llama_cpp/__init__ imports beside it (jinja2, the high-level class: 0.3 s)."""
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise EngineError("llama-cpp-python is not installed", hint="run `make setup`")
        bare = types.ModuleType("llama_cpp")
        bare.__path__ = list(spec.submodule_search_locations)
        bare.__spec__ = spec
        sys.modules["llama_cpp"] = bare
    import llama_cpp.llama_cpp as bindings

    return bindings


low: Any = _bindings()


class Log:
    """llama.cpp's log, passed on to stderr; the last errors are kept, to say why something failed."""

    def __init__(self) -> None:
        self.errors: collections.deque[str] = collections.deque(maxlen=8)
        self._callback = low.llama_log_callback(self._write)
        low.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _write(self, level: int, text: bytes, _: object) -> None:
        with contextlib.suppress(OSError):
            if level == 4:
                self.errors.append(text.decode("utf-8", "replace").strip())
            if level != 1:  # debug
                os.write(2, text)

    def last_error(self) -> str:
        """The latest error, without the name of the C function that reports it."""
        for line in reversed(self.errors):
            if "failed to load model" not in line and line:
                return line.split(": ", 1)[1] if line.startswith("llama_") and ": " in line else line
        return ""


_libc = ctypes.CDLL(None)


class Flag:
    """A flag that llama.cpp reads from its compute threads without Python.

    The abort callback is libc's `strlen` on two bytes: 0 while the first is NUL, 1 once it is set. A Python callback
    would take the interpreter's lock at every node of the graph.
    """

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)
        self.function = ctypes.cast(_libc.strlen, low.ggml_abort_callback)
        self.data = ctypes.cast(self._bytes, ctypes.c_void_p)

    def set(self, on: bool) -> None:
        """Ask the running llama_decode to stop, or clear that."""
        self._bytes[0] = b"\1" if on else b"\0"

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._bytes[0] != b"\0"


class Model:
    """A loaded model and its vocabulary. Tokenising is safe from any thread, also while a context decodes."""

    def __init__(
        self,
        path: str,
        log: Log,
        *,
        options: LoadOptions | None = None,
        on_progress: Callable[[float], bool] | None = None,
    ) -> None:
        options = options or LoadOptions()
        _check_file(path)
        low.llama_backend_init()
        params = low.llama_model_default_params()
        self.gpu = bool(low.llama_supports_gpu_offload())
        params.n_gpu_layers = (999 if options.offload < 0 else options.offload) if self.gpu else 0
        params.split_mode = _SPLIT[options.split_mode]
        params.main_gpu = options.main_gpu
        params.use_mmap, params.use_mlock = options.mmap, options.mlock
        if options.tensor_split:
            most = int(low.llama_max_devices())
            if len(options.tensor_split) > most:
                raise EngineError(f"tensor_split has {len(options.tensor_split)} shares", hint=f"at most {most}")
            self._split = (ctypes.c_float * most)(*options.tensor_split)
            params.tensor_split = ctypes.cast(self._split, ctypes.POINTER(ctypes.c_float))
        params.check_tensors = True  # garbage in the weights is else decoded silently; costs nothing measurable
        if on_progress is not None:
            self._progress = low.llama_progress_callback(lambda fraction, _: on_progress(fraction))
            params.progress_callback = self._progress
        log.errors.clear()
        self.handle = low.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            reason = log.last_error() or "llama.cpp cannot read it"
            raise EngineError(f"cannot load {Path(path).name}: {reason}", hint="is the file whole? download it again")
        self.vocab = low.llama_model_get_vocab(self.handle)
        self.vocabulary = int(low.llama_vocab_n_tokens(self.vocab))
        self.trained_context = int(low.llama_model_n_ctx_train(self.handle))
        self.layers = int(low.llama_model_n_layer(self.handle))
        self.parameters = int(low.llama_model_n_params(self.handle))
        self.size = int(low.llama_model_size(self.handle))
        self.bos = int(low.llama_vocab_bos(self.vocab))
        self.eos = int(low.llama_vocab_eos(self.vocab))
        self.metadata = dict(self._metadata())
        self.architecture = self.metadata.get("general.architecture", "unknown")
        self.offloaded = min(self.layers + 1, params.n_gpu_layers) if self.gpu else 0
        recurrent = low.llama_model_is_recurrent(self.handle) or low.llama_model_is_hybrid(self.handle)
        self.shares = not recurrent  # whether part of a sequence can be copied
        self._scratch: tuple[Floats, Floats, npt.NDArray[np.bool_]] | None = None
        self._pieces: dict[int, bytes] = {}
        self._full: dict[int, bytes] = {}
        if low.llama_model_has_encoder(self.handle) or not low.llama_model_has_decoder(self.handle):
            raise EngineError(f"{Path(path).name} does not generate text", hint="take a causal (decoder-only) model")

    def _metadata(self) -> Iterator[tuple[str, str]]:
        size = 1024
        buffer = ctypes.create_string_buffer(size)
        for index in range(int(low.llama_model_meta_count(self.handle))):
            if low.llama_model_meta_key_by_index(self.handle, index, buffer, size) < 0:
                continue
            key = buffer.value.decode("utf-8", "replace")
            low.llama_model_meta_val_str_by_index(self.handle, index, buffer, size)
            yield key, buffer.value.decode("utf-8", "replace")

    @property
    def scratch(self) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Room for sums over the vocabulary, for the decoding thread: fresh megabytes for each token cost as much."""
        if self._scratch is None:
            size = self.vocabulary
            self._scratch = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.bool_)
        return self._scratch

    def number(self, key: str, default: int = 0) -> int:
        """An integer of the metadata, `key` below the architecture's name (of an array: the largest)."""
        value = self.metadata.get(f"{self.architecture}.{key}", "")
        try:
            return max((int(float(part)) for part in value.strip("[]").split(",")), default=default)
        except (ValueError, OverflowError):
            return default

    def template(self) -> str | None:
        """The chat template that the file carries."""
        found = low.llama_model_chat_template(self.handle, None)
        return found.decode("utf-8", "replace") if found else None

    def kv_bytes(self, cells: int, options: LoadOptions) -> int:
        """Bytes that `cells` cells of key-value cache take, over all layers."""
        heads = self.number("attention.head_count_kv") or int(low.llama_model_n_head_kv(self.handle))
        width = int(low.llama_model_n_embd(self.handle)) // max(1, int(low.llama_model_n_head(self.handle)))
        key = self.number("attention.key_length", width)
        value = self.number("attention.value_length", width)
        bytes_k, bytes_v = _KV_BYTES[options.kv_type], _KV_BYTES[options.kv_type_v or options.kv_type]
        return int(self.layers * cells * heads * (key * bytes_k + value * bytes_v))

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> Ids:
        """The tokens of `text`; `add_special` adds what the model wants around a text (BOS)."""
        data = text.encode("utf-8", "replace")
        if not data and not add_special:
            return np.zeros(0, np.int32)
        room = len(data) + 16
        found = np.empty(room, np.int32)
        pointer = found.ctypes.data_as(ctypes.POINTER(low.llama_token))
        count = low.llama_tokenize(self.vocab, data, len(data), pointer, room, add_special, parse_special)
        if -(2**31) < count < 0:
            found = np.empty(-count, np.int32)
            pointer = found.ctypes.data_as(ctypes.POINTER(low.llama_token))
            count = low.llama_tokenize(self.vocab, data, len(data), pointer, -count, add_special, parse_special)
        if count < 0:
            raise EngineError("the text is too long for the tokenizer", hint="send less text")
        return found[:count].copy()

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they stand in an answer: b"" for a control token."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._piece(token, special=False)
        return known

    def full_piece(self, token: int) -> bytes:
        """The bytes of a token, control tokens by their name."""
        known = self._full.get(token)
        if known is None:
            known = self._full[token] = self._piece(token, special=True)
        return known

    def _piece(self, token: int, *, special: bool) -> bytes:
        if not 0 <= token < self.vocabulary:
            return b""
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            size = low.llama_token_to_piece(self.vocab, token, buffer, room, 0, special)
            if size >= 0:
                return buffer.raw[:size]
            room = -size

    def text(self, token: int) -> str:
        """A token for a person: control tokens by name, broken characters replaced."""
        return self.full_piece(token).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""
        return bool(low.llama_vocab_is_eog(self.vocab, token))

    def is_control(self, token: int) -> bool:
        """Whether the token steers the model instead of being text."""
        return bool(low.llama_vocab_is_control(self.vocab, token)) or self.is_end(token)

    def kind(self, token: int) -> TokenKind:
        """What the tokenizer says it is; a token that ends an answer steers too."""
        if self.is_control(token):
            return "control"
        given = int(low.llama_vocab_get_attr(self.vocab, token)) if 0 <= token < self.vocabulary else 0
        return next((name for bit, name in _KINDS if given & bit), "normal")

    def free(self) -> None:
        """Give the weights back; every context of it must be freed before."""
        if self.handle:
            low.llama_model_free(self.handle)
            self.handle = None


def _check_file(path: str) -> None:
    """Raise EngineError when `path` cannot be a GGUF file."""
    file = Path(path)
    try:
        if file.is_dir():
            raise EngineError(f"{path} is a folder", hint="name the .gguf file in it")
        with file.open("rb") as stream:
            head = stream.read(4)
    except FileNotFoundError:
        raise EngineError(f"{path} does not exist", hint="`workbench models list` shows what is there") from None
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error
    if head != b"GGUF":
        raise EngineError(f"{file.name} is no GGUF file", hint="llama.cpp models end in .gguf; download it again")


class Context:
    """Sequences of one model with their key-value cache, and the batch that feeds them.

    `cells` is the size of the cache in tokens: of all sequences together when `unified`, else of each one.
    Rows of the batch are (token, position, sequence, whether logits are wanted).
    """

    def __init__(
        self,
        model: Model,
        *,
        cells: int,
        sequences: int,
        unified: bool,
        threads: int,
        options: LoadOptions,
        flag: Flag | None = None,
        log: Log | None = None,
        outputs: int = OUTPUTS,
    ) -> None:
        type_v = options.kv_type_v or options.kv_type
        if type_v != "f16" and options.flash_attention == "off":
            raise EngineError(f"values in {type_v} need flash attention", hint="set flash_attention to auto or on")
        cells = -(-cells // _SMALL) * _SMALL
        params = low.llama_context_default_params()
        params.n_ctx = cells if unified else cells * sequences
        params.n_batch = params.n_ubatch = min(max(32, min(options.batch, 4096)), cells)
        params.n_seq_max = sequences
        params.n_outputs_max = min(params.n_batch, max(outputs, sequences))
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = unified
        params.flash_attn_type = _FLASH[options.flash_attention]
        params.type_k, params.type_v = KV_TYPES[options.kv_type], KV_TYPES[type_v]
        params.rope_scaling_type = _ROPE[options.rope_scaling]
        params.rope_freq_base, params.rope_freq_scale = options.rope_freq_base, options.rope_freq_scale
        params.swa_full = True  # else a sliding window forgets what a shared prefix needs
        params.offload_kqv = True
        params.no_perf = True
        if flag is not None:
            params.abort_callback = flag.function
            params.abort_callback_data = flag.data
        self.flag = flag
        if log is not None:
            log.errors.clear()
        self.handle = low.llama_init_from_model(model.handle, params)
        if not self.handle:
            reason = (log.last_error() if log is not None else "") or "no room for it"
            raise EngineError(
                f"cannot make a context of {params.n_ctx:,} tokens: {reason}",
                hint="take a shorter context or fewer lanes",
            )
        self.memory = low.llama_get_memory(self.handle)
        self.vocabulary = model.vocabulary
        self.sequences = sequences
        self.unified = unified
        self.cells = int(low.llama_n_ctx(self.handle)) if unified else int(low.llama_n_ctx_seq(self.handle))
        self.batch = int(low.llama_n_batch(self.handle))
        self.outputs = min(self.batch, int(params.n_outputs_max))
        self._lay(self.batch)

    def _lay(self, room: int) -> None:
        """A llama_batch over numpy arrays: filled by slices, no call a token."""
        self.token = np.zeros(room, np.int32)
        self.position = np.zeros(room, np.int32)
        self.sequence = np.zeros(room, np.int32)
        self.wanted = np.zeros(room, np.int8)
        self._ones = np.ones(room, np.int32)
        self._rows = (self.sequence.ctypes.data + 4 * np.arange(room, dtype=np.uint64)).astype(np.uint64)

        def pointer(array: npt.NDArray[Any], kind: Any) -> Any:
            return array.ctypes.data_as(ctypes.POINTER(kind))

        self._batch = low.llama_batch(
            0,
            pointer(self.token, low.llama_token),
            None,
            pointer(self.position, ctypes.c_int32),
            pointer(self._ones, ctypes.c_int32),
            pointer(self._rows, ctypes.POINTER(ctypes.c_int32)),
            pointer(self.wanted, ctypes.c_int8),
        )

    def decode(self, rows: int) -> int:
        """Decode the first `rows` rows of the batch: 0 done, 1 no room in the cache, 2 aborted, < 0 refused."""
        if not 0 < rows <= self.batch:
            raise EngineError(f"a batch of {rows} rows, the context takes {self.batch}")
        self._batch.n_tokens = rows
        result = int(low.llama_decode(self.handle, self._batch))
        if result == 0:
            low.llama_synchronize(self.handle)
        return result

    def logits(self, row: int) -> Floats:
        """A view of the logits of a row of the last batch that asked for them; the next decode overwrites it."""
        pointer = low.llama_get_logits_ith(self.handle, row)
        if not pointer:
            raise EngineError(f"row {row} has no logits")
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,))

    def copy(self, source: int, target: int, length: int, start: int = 0) -> None:
        """Let `target` share the cells of `source` from position `start` up to `length` (unified caches only)."""
        if not self.unified:
            raise EngineError("separate caches share nothing")
        low.llama_memory_seq_cp(self.memory, source, target, start, length)

    def cut(self, sequence: int, length: int) -> bool:
        """Drop what `sequence` holds from position `length` on; False when the model cannot."""
        return bool(low.llama_memory_seq_rm(self.memory, sequence, length, -1))

    def drop(self, sequence: int) -> None:
        """Empty a sequence."""
        low.llama_memory_seq_rm(self.memory, sequence, -1, -1)

    def free(self) -> None:
        """Give its memory back. Idempotent."""
        if self.handle:
            low.llama_free(self.handle)
            self.handle = None


def devices() -> tuple[str, ...]:
    """Names of the devices that llama.cpp computes on besides the CPU."""
    found = _devices()
    if found is None:
        return ()
    base, handles = found
    base.ggml_backend_dev_description.restype = ctypes.c_char_p
    base.ggml_backend_dev_description.argtypes = [ctypes.c_void_p]
    names = [base.ggml_backend_dev_description(handle) for handle in handles]
    return tuple(name.decode("utf-8", "replace").strip() for name in names)


def free_vram() -> int:
    """Bytes that are free on those devices together; 0 when there is none."""
    found = _devices()
    if found is None:
        return 0
    base, handles = found
    size = ctypes.POINTER(ctypes.c_size_t)
    base.ggml_backend_dev_memory.restype = None
    base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    whole = 0
    for handle in handles:
        free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
        base.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
        whole += free.value
    return whole


def _devices() -> tuple[Any, list[int]] | None:
    """ggml's library and its devices besides the CPU; None where another build lays its libraries out otherwise."""
    folder = Path(low.__file__).parent / "lib"
    try:
        ggml = ctypes.CDLL(str(next(folder.glob("libggml.[sd]*"))))
        base = ctypes.CDLL(str(next(folder.glob("libggml-base.[sd]*"))))
        ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
        ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
        ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
        base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
        found = [ggml.ggml_backend_dev_get(index) for index in range(ggml.ggml_backend_dev_count())]
        return base, [handle for handle in found if base.ggml_backend_dev_type(handle)]
    except (OSError, StopIteration, AttributeError):
        return None


def padded(cells: int) -> int:
    """Cells as llama.cpp rounds them up."""
    return -(-cells // _SMALL) * _SMALL


def join(rows: Sequence[Ids]) -> Ids:
    """Arrays of ids, one after the other."""
    return np.concatenate(rows) if rows else np.zeros(0, np.int32)
