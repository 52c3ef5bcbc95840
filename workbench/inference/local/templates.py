"""Chat templates: rendered in a process of their own, because a template is a stranger's program.

Run as `python -m workbench.inference.local.templates` it renders with jinja2's immutable sandbox, set up as
llama-cpp-python's `Jinja2ChatFormatter` does it. The sandbox stops access, not loops: before each rendering the
process sets an alarm that ends it, even inside C code, and its memory is limited. `Renderer` is the worker's side.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, BinaryIO

from workbench.errors import EngineError
from workbench.inference.engine import Message

LIMIT = 1.0  # seconds a rendering may take
_MEMORY = 1 << 30
_OUTPUT = 64 << 20  # characters a rendering may have
_LENGTH = struct.Struct(">I")
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class Renderer:
    """Renders conversations by a model's template; thread-safe. The process starts at once and in parallel."""

    def __init__(self, template: str | None, bos: str, eos: str, *, limit: float = LIMIT) -> None:
        self.given = template is not None
        self._setup = {"template": template or CHATML, "bos": bos, "eos": eos, "limit": limit}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = 0
        self._closed = False
        self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True
        )
        assert process.stdin is not None
        _send(process.stdin, self._setup)
        self._process = process
        return process

    def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the template writes it; raises EngineError when it fails or takes too long."""
        with self._lock:
            if self._closed:
                raise EngineError("the model is being closed")
            if self._stopped >= 3:
                raise EngineError("the model's chat template does not end", hint="take another build of the model")
            process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            turns = [{"role": message.role, "content": message.content} for message in messages]
            try:
                _send(process.stdin, {"messages": turns, "generation": generation_prompt})
                answer = _receive(process.stdout)
            except OSError:
                answer = None
            if answer is None:
                self._process = None
                process.kill()
                process.wait()
                process.stdin.close()
                process.stdout.close()
                self._stopped += 1
                limit = self._setup["limit"]
                raise EngineError(
                    f"the model's chat template was stopped: it took over {limit:g} s or too much memory",
                    hint="take another build of the model",
                )
        if "error" in answer:
            raise EngineError(f"the model's chat template refuses this conversation: {answer['error']}")
        return str(answer["text"])

    def close(self) -> None:
        """End the process at once."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()


def _send(stream: Any, message: object) -> None:
    data = json.dumps(message).encode()
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _receive(stream: Any) -> dict[str, Any] | None:
    """The next message; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        return None
    found: dict[str, Any] = json.loads(data)
    return found


class _Template:
    """The compiled template, with the system text put where the template has no place for it."""

    def __init__(self, template: str, bos: str, eos: str) -> None:
        import datetime

        import jinja2
        import jinja2.ext
        import jinja2.sandbox

        class Generation(jinja2.ext.Extension):
            """`{% generation %}` marks what was generated, for training: passed through."""

            tags = {"generation"}  # noqa: RUF012

            def parse(self, parser: Any) -> Any:
                parser.stream.skip(1)
                return parser.parse_statements(("name:endgeneration",), drop_needle=True)

        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
        )
        environment.filters["tojson"] = _tojson
        self._compiled = environment.from_string(template)
        self._globals = {
            "bos_token": bos,
            "eos_token": eos,
            "raise_exception": _raise,
            "strftime_now": lambda form: datetime.datetime.now().strftime(form),
        }

    def render(self, messages: list[dict[str, str]], generation: bool) -> str:
        """Render; a system message that the template refuses or leaves out goes before the first user's text."""
        system = messages[0]["content"] if messages and messages[0]["role"] == "system" else ""
        try:
            text = self._once(messages, generation)
        except Exception:  # a template's own error is any class; without a system message to move it stands
            if not messages or messages[0]["role"] != "system":
                raise
            return self._once(_folded(messages), generation)
        if system.strip() and system.strip() not in text:
            return self._once(_folded(messages), generation)
        return text

    def _once(self, messages: list[dict[str, str]], generation: bool) -> str:
        size = 0
        parts: list[str] = []
        for part in self._compiled.generate(
            messages=messages, add_generation_prompt=generation, tools=None, functions=None, **self._globals
        ):
            size += len(part)
            if size > _OUTPUT:
                raise ValueError("it writes too much")
            parts.append(part)
        return "".join(parts)


def _folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    system, rest = messages[0]["content"], [dict(message) for message in messages[1:]]
    if not system.strip():
        return rest
    first = next((message for message in rest if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": system}, *rest]
    first["content"] = f"{system}\n\n{first['content']}"
    return rest


def _tojson(value: object, indent: int | None = None, **options: Any) -> str:
    options.setdefault("ensure_ascii", False)
    return json.dumps(value, indent=indent, **options)


def _raise(message: str) -> None:
    raise ValueError(message)


def main() -> None:
    """Serve renderings on stdin and stdout until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    stdin: BinaryIO = sys.stdin.buffer
    stdout: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    setup = _receive(stdin)
    if setup is None:
        return
    import resource

    import jinja2.sandbox  # noqa: F401  (before the clock and the limit)

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if sys.platform != "darwin":  # there the limit cannot be set below what is mapped
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))
    template: _Template | None = None
    while (request := _receive(stdin)) is not None:
        signal.setitimer(signal.ITIMER_REAL, setup["limit"])
        try:
            if template is None:
                template = _Template(setup["template"], setup["bos"], setup["eos"])
            answer = {"text": template.render(request["messages"], request["generation"])}
        except Exception as error:  # noqa: BLE001  (the boundary: whatever a stranger's template raises is reported)
            answer = {"error": f"{error or type(error).__name__}".splitlines()[0][:300]}
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(stdout, answer)


if __name__ == "__main__":
    main()
