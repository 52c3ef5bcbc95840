"""A server on loopback that speaks the OpenAI API with an engine of ours behind it, and fails as it is told to.

A real HTTP server in a thread; the engine (the double) runs on an event loop in another. `dialect` adds the paths of
llama-server or of vLLM.
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Event, Finished, Generate, Message, Piece, Started, Token, TokenLogprob
from workbench.inference.sampling import SPECS, make

T = TypeVar("T")
Fault = Callable[["Handler"], None]
MODEL = "org/double-1B"
_SPECIAL = re.compile(r"(<\|im_(?:start|end)\|>)")


class Fake:
    """What it is, what it was asked, and what goes wrong: `faults` are taken one a request that generates.

    `most` is how many streams there were at once.
    """

    def __init__(self, dialect: str = "llama.cpp", engine: DoubleEngine | None = None) -> None:
        self.dialect = dialect
        self.engine = engine or DoubleEngine("double")
        self.faults: list[Fault] = []
        self.key = ""
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.live = self.most = self.left = 0
        self.texts: dict[int, str] = {}  # of every token that was ever told
        self.over = threading.Event()  # the test has ended: nothing waits any longer
        self.lock = threading.Lock()
        self.url = ""
        self.loop = asyncio.new_event_loop()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What the engine answers."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def pieces(self, text: str, *, special: bool = True) -> list[Token]:
        """Tokens, remembered; without `special` a control token is its letters."""
        parts = [text] if special else [each for part in _SPECIAL.split(text) for each in _letters(part)]
        found = [token for part in parts for token in self.wait(self.engine.tokenize(part))]
        self.texts |= {token.id: token.text for token in found}
        return found


def _letters(part: str) -> list[str]:
    return list(part) if _SPECIAL.fullmatch(part) else [part]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def answer(self, data: Any, code: int = 200, headers: dict[str, str] | None = None) -> None:
        """JSON, or bytes as they are."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        """The head of a stream."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def send(self, data: Any) -> None:
        """An event, or bytes as they are."""
        self.wfile.write(data if isinstance(data, bytes) else b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        self._handle(json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0")))))

    def _handle(self, body: Any) -> None:
        fake, path = self.fake, self.path.partition("?")[0]
        fake.asked.append((path, dict(self.headers), body))
        if fake.key and self.headers.get("Authorization") != f"Bearer {fake.key}":
            self.answer({"error": {"message": "Invalid API Key", "code": 401}}, 401)
            return
        do = _PATHS.get((fake.dialect, path)) or _PATHS.get(("", path))
        if do is None:
            self.answer({"error": {"message": "File Not Found", "code": 404}}, 404)
            return
        try:
            do(self, body)
        except (BrokenPipeError, ConnectionResetError):
            with fake.lock:
                fake.left += 1

    def generate(self, body: Any) -> None:
        """A streamed answer of the engine, unless a fault is due."""
        fake = self.fake
        if fake.faults:
            fake.faults.pop(0)(self)
            return
        messages = tuple(Message(each["role"], each["content"]) for each in body.get("messages", ()))
        settings = {name: value for name, value in body.items() if name in SPECS}
        wanted = body.get("top_logprobs", 0) if messages else body.get("logprobs", 0)
        request = Generate(
            trial=f"t{id(self)}-{len(fake.asked)}",
            messages=messages,
            prompt=body.get("prompt"),
            logprobs=wanted,
            sampling=make({name: value for name, value in settings.items() if value != -1}),
        )
        text = request.prompt if request.prompt is not None else fake.wait(fake.engine.render(messages))
        count, context = len(fake.pieces(text)), fake.engine.info.context_length if fake.engine.info else 0
        if count + 1 > context:
            self._too_long(count, context)
            return
        with fake.lock:
            fake.live += 1
            fake.most = max(fake.most, fake.live)
        try:
            self._stream(request, count)
        finally:
            with fake.lock:
                fake.live -= 1

    def _too_long(self, count: int, context: int) -> None:
        if self.fake.dialect == "llama.cpp":
            said = f"request ({count} tokens) exceeds the available context size ({context} tokens)"
            error: dict[str, Any] = {"code": 400, "message": said, "n_prompt_tokens": count, "n_ctx": context}
        else:
            said = f"This model's maximum context length is {context} tokens. However, your request has {count} tokens."
            error = {"message": said, "type": "BadRequestError", "code": 400}
        self.answer({"error": error}, 400)

    def _stream(self, request: Generate, count: int) -> None:
        events: queue.Queue[Event] = queue.Queue()
        chat, dialect = bool(request.messages), self.fake.dialect

        async def run() -> None:
            async for event in self.fake.engine.generate([request]):
                events.put(event)

        running = asyncio.run_coroutine_threadsafe(run(), self.fake.loop)
        try:
            self.begin()
            while True:
                event = events.get(timeout=60)
                if isinstance(event, Finished):
                    break
                if isinstance(event, Piece):
                    self.send({"choices": [_choice(event, chat)]})
                elif isinstance(event, Started) and dialect == "llama.cpp":
                    progress = {"total": count, "cache": 0, "processed": count}
                    self.send({"choices": [{"delta": {"role": "assistant"}}], "prompt_progress": progress})
                elif isinstance(event, Started) and dialect == "vllm":
                    usage = {"prompt_tokens": count, "completion_tokens": 0}
                    self.send({"choices": [{"delta": {"role": "assistant", "content": ""}}], "usage": usage})
            self.send({"choices": [{"delta": {}, "finish_reason": event.finish}]})
            usage = {"prompt_tokens": event.prompt_tokens, "completion_tokens": event.completion_tokens}
            self.send({"choices": [], "usage": usage})
            self.send(b"data: [DONE]\n\n")
        finally:
            running.cancel()

    def models(self, body: Any) -> None:
        """GET /v1/models."""
        context = self.fake.engine.info.context_length if self.fake.engine.info else 0
        row = {"id": MODEL, "object": "model"}
        more: dict[str, Any] = {"vllm": {"max_model_len": context}, "plain": {}}.get(
            self.fake.dialect, {"meta": {"n_ctx": context, "n_ctx_train": context, "n_params": 1000, "n_vocab": 1000}}
        )
        self.answer({"object": "list", "data": [{**row, **more}]})

    def props(self, body: Any) -> None:
        """llama-server: GET /props."""
        context = self.fake.engine.info.context_length if self.fake.engine.info else 0
        self.answer({"default_generation_settings": {"n_ctx": context, "params": {}}, "total_slots": 4})

    def llama_tokenize(self, body: Any) -> None:
        """llama-server: POST /tokenize; a piece that is no whole text is bytes."""
        found = self.fake.pieces(body.get("content", ""), special=body.get("parse_special", True))
        self.answer({"tokens": [{"id": each.id, "piece": _piece(each.text)} for each in found]})

    def apply_template(self, body: Any) -> None:
        """llama-server: POST /apply-template."""
        messages = [Message(each["role"], each["content"]) for each in body["messages"]]
        rendered = self.fake.engine.render(messages, generation_prompt=body["add_generation_prompt"])
        self.answer({"prompt": self.fake.wait(rendered)})

    def completion(self, body: Any) -> None:
        """llama-server: POST /completion of one token, with the probabilities of the likeliest or of a forced one."""
        prompt = "".join(self.fake.texts[id] for id in body["prompt"])
        top = self.fake.wait(self.fake.engine.next_token(prompt, body["n_probs"]))
        drawn = top[0]
        if forced := body.get("logit_bias"):
            drawn = self.fake.wait(self.fake.engine.score(prompt, self.fake.texts[forced[0][0]]))[0]
        self.answer({"content": drawn.text, "completion_probabilities": [_shape(drawn, top)]})

    def vllm_tokenize(self, body: Any) -> None:
        """vLLM: POST /tokenize of a text or of a conversation."""
        text = body.get("prompt")
        if text is None:
            messages = [Message(each["role"], each["content"]) for each in body["messages"]]
            text = self.fake.wait(self.fake.engine.render(messages))
        found = self.fake.pieces(text)
        names = [_name(each.text) for each in found] if body.get("return_token_strs") else None
        self.answer({"count": len(found), "tokens": [each.id for each in found], "token_strs": names})

    def detokenize(self, body: Any) -> None:
        """vLLM: POST /detokenize."""
        self.answer({"prompt": "".join(self.fake.texts[id] for id in body["tokens"])})

    def completions(self, body: Any) -> None:
        """POST /v1/completions: streamed, or one token with probabilities, with `echo` those of the prompt too."""
        if body.get("stream"):
            self.generate(body)
            return
        engine = self.fake.engine
        if not body.get("echo"):
            top = self.fake.wait(engine.next_token(body["prompt"], body["logprobs"]))
            given = {each.text: each.logprob for each in top}
            logprobs = {"tokens": [top[0].text], "token_logprobs": [top[0].logprob], "top_logprobs": [given]}
            self.answer({"choices": [{"text": top[0].text, "logprobs": logprobs}]})
            return
        texts = [self.fake.texts[id] for id in body["prompt"]]
        found = [
            self.fake.wait(engine.score("".join(texts[:at]), text, top=body["logprobs"]))[0]
            for at, text in enumerate(texts)
            if at
        ]
        logprobs = {
            "tokens": [*texts, "!"],
            "token_logprobs": [None, *(each.logprob for each in found), -1.0],
            "top_logprobs": [None, *({text: value for _, text, value in each.top} for each in found), {"!": -1.0}],
        }
        self.answer({"choices": [{"logprobs": logprobs}]})


_PATHS: dict[tuple[str, str], Callable[[Handler, Any], None]] = {
    ("", "/v1/models"): Handler.models,
    ("", "/v1/chat/completions"): Handler.generate,
    ("", "/v1/completions"): Handler.completions,
    ("llama.cpp", "/props"): Handler.props,
    ("llama.cpp", "/tokenize"): Handler.llama_tokenize,
    ("llama.cpp", "/apply-template"): Handler.apply_template,
    ("llama.cpp", "/completion"): Handler.completion,
    ("vllm", "/tokenize"): Handler.vllm_tokenize,
    ("vllm", "/detokenize"): Handler.detokenize,
}


def _choice(piece: Piece, chat: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"index": 0, "finish_reason": None}
    made |= {"delta": {"content": piece.text}} if chat else {"text": piece.text}
    if piece.logprobs:
        tops = [[TokenLogprob(*top) for top in each.top] for each in piece.logprobs]
        made["logprobs"] = {"content": [_shape(each, top) for each, top in zip(piece.logprobs, tops, strict=True)]}
    return made


def _shape(token: TokenLogprob, top: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": token.id, "token": token.text, "logprob": token.logprob}
    return {**made, "top_logprobs": [{"id": t.id, "token": t.text, "logprob": t.logprob} for t in top]}


def _piece(text: str) -> str | list[int]:
    """As llama-server: a text, or bytes (here of every fourth letter, so that both are met)."""
    return list(text.encode()) if len(text) == 1 and ord(text) % 4 == 0 else text


def _name(text: str) -> str:
    """A token's name in a byte-level vocabulary."""
    return text if _SPECIAL.fullmatch(text) else "".join(_alphabet()[byte] for byte in text.encode())


@cache
def _alphabet() -> dict[int, str]:
    """GPT-2's bytes_to_unicode, as its authors wrote it."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    codes, extra = shown[:], 0
    for byte in range(256):
        if byte not in shown:
            shown.append(byte)
            codes.append(256 + extra)
            extra += 1
    return dict(zip(shown, map(chr, codes), strict=True))


@contextmanager
def served(fake: Fake) -> Iterator[Fake]:
    """The server, while the block runs; `fake.url` is where."""
    handler = type("Bound", (Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True),
        threading.Thread(target=fake.loop.run_forever, daemon=True),
    ]
    for thread in threads:
        thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        fake.wait(fake.engine.load())
        yield fake
    finally:
        fake.over.set()
        server.shutdown()
        server.server_close()
        fake.loop.call_soon_threadsafe(fake.loop.stop)
        for thread in threads:
            thread.join()
        fake.loop.close()
