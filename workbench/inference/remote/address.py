"""What a remote model is called where local ones have a path, and where a server's answers are. No I/O, no network."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from workbench import safe
from workbench.errors import EngineError
from workbench.settings import Server

SCHEME = "server:"


def identity(server: str, model: str) -> str:
    """`server:NAME/MODEL-ID`; what a path would not keep (`//`, a lone dot, control codes) is percent-encoded."""
    plain = f"{SCHEME}{server}/{quote(model, safe='/:@+,=')}"
    if model and str(Path(plain)) == plain:
        return plain
    return f"{SCHEME}{server}/{'%2E' if model == '.' else quote(model, safe=':@+,=')}"


def is_remote(path: Path | str) -> bool:
    """Whether it names a server's model and no file."""
    return str(path).startswith(SCHEME)


def parts(path: Path | str) -> tuple[str, str]:
    """(server's name, model's id) of an identity."""
    name, _, model = str(path).removeprefix(SCHEME).partition("/")
    return name, unquote(model)


def server_of(path: Path | str, servers: tuple[Server, ...]) -> Server:
    """The server that an identity names. Raises EngineError."""
    name, _ = parts(path)
    for server in servers:
        if server.name.lower() == name.lower():
            return server
    known = ", ".join(server.name for server in servers)
    hint = f"there are {known}" if known else "add [[servers]] to the settings (docs/scaling-out.md)"
    raise EngineError(f"there is no server {name} in the settings", hint=hint)


def host(server: Server) -> str:
    """`host` or `host:port`, as it is always shown."""
    found = urlsplit(server.url)
    name = found.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{found.port}" if found.port else name


def base(server: Server) -> str:
    """Where the OpenAI API is: the URL as given; one without a path gets /v1."""
    url = server.url.rstrip("/")
    return url if urlsplit(url).path else f"{url}/v1"


def root(server: Server) -> str:
    """Where llama-server and vLLM have what the OpenAI API does not: above /v1."""
    return base(server).removesuffix("/v1")


def is_local(server: Server) -> bool:
    """Whether it is on this machine: then no proxy is asked, and a key does not leave it."""
    name = urlsplit(server.url).hostname or ""
    return name in ("localhost", "::1") or name.startswith("127.")


def shown(model: str, server: Server) -> str:
    """The model's name on screen and in the history: `MODEL-ID @ HOST:PORT`; of a file's path its name alone."""
    name = model.rsplit("/", 1)[-1][:-5] if model.lower().endswith(".gguf") else model
    return f"{safe.line(name)} @ {host(server)}"
