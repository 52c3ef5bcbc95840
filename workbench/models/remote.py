"""The models of the servers in the settings, as rows beside those here; a server that is down is a row too."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from workbench.errors import UsageError, WorkbenchError
from workbench.inference.remote import address, failures
from workbench.inference.remote.failures import ServerError
from workbench.inference.remote.key import hidden_in, key_of
from workbench.inference.remote.probe import Listed, listing
from workbench.models.catalog import Model
from workbench.settings import Server

CONNECT = 2.0  # seconds that a picker waits for a server that does not answer
WHOLE = 6.0  # seconds for the whole list
LARGEST = 16 << 20  # bytes of a list
AGAIN = 30.0  # seconds before a server that failed is asked again


class RemoteModels:
    """What the servers list: asked when first wanted, all at once, then kept. May be used by several threads."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = tuple(servers)
        self._known: dict[str, tuple[float, list[Model]]] = {}  # by server: until when, rows
        self._lock = Lock()

    def rows(self) -> list[Model]:
        """Every server's models in the order of the settings, errors as rows. Waits WHOLE seconds at most."""
        with self._lock:
            now, known = time.monotonic(), self._known  # `forget` may put another in its place meanwhile
            ask = [each for each in self._servers if each.name not in known or known[each.name][0] < now]
            if ask:
                with ThreadPoolExecutor(len(ask)) as threads:
                    for server, (good, rows) in zip(ask, threads.map(_rows, ask), strict=True):
                        known[server.name] = (float("inf") if good else time.monotonic() + AGAIN, rows)
            return _told_apart([row for server in self._servers for row in known[server.name][1]])

    def known(self) -> list[Model]:
        """What is known already: asks nobody."""
        known = self._known
        return _told_apart([row for server in self._servers for row in known.get(server.name, (0, []))[1]])

    def forget(self) -> None:
        """The next `rows` asks again."""
        self._known = {}


def refuse(model: Model, what: str) -> None:
    """Raise UsageError for a server's model where a file is needed."""
    if address.is_remote(model.path):
        hint = f"it runs on {model.source} and takes no memory here"
        raise UsageError(f"{model.name} is no file on this machine: there is nothing to {what}", hint=hint)


def _told_apart(rows: list[Model]) -> list[Model]:
    """Two servers of one host (or two URLs of one server) may have models of the same id."""
    counts = Counter(row.name.lower() for row in rows)
    return [
        replace(row, name=f"{row.name} ({address.parts(row.path)[0]})") if counts[row.name.lower()] > 1 else row
        for row in rows
    ]


def _rows(server: Server) -> tuple[bool, list[Model]]:
    """(whether it answered, its models)."""
    try:
        found = [each for each in list_models(server) if not server.models or each.id in server.models]
    except WorkbenchError as error:
        if not (isinstance(error, ServerError) and error.status in (404, 405, 501) and server.models):
            said = f"{error.what} — {error.hint}" if error.hint else error.what
            return False, [_row(server, Listed(""), said)]
        found = [Listed(id) for id in server.models]  # it lists nothing: the settings say what it has
    if not found:
        said = "it lists none of the models in the settings" if server.models else "it lists no model"
        return False, [_row(server, Listed(""), said)]
    return True, [_row(server, each) for each in found]


def _row(server: Server, listed: Listed, error: str | None = None) -> Model:
    return Model(
        name=f"{server.name} @ {address.host(server)}" if error else address.shown(listed.id, server),
        path=f"{address.SCHEME}{server.name}" if error else address.identity(server.name, listed.id),
        source=address.host(server),
        architecture="",
        parameters=listed.parameters,
        quantization=listed.quantization,
        size=0,
        context_length=listed.context_length,
        error=error,
    )


def list_models(server: Server) -> list[Listed]:
    """GET /v1/models, without waiting long. Raises ServerError, EngineError for its key."""
    import httpx2

    key = key_of(server)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= {"User-Agent": "workbench", "Accept-Encoding": "identity"}
    end = time.monotonic() + WHOLE
    body = bytearray()
    try:
        with (
            httpx2.Client(timeout=CONNECT, trust_env=not address.is_local(server)) as client,
            client.stream("GET", f"{address.base(server)}/models", headers=headers) as response,
        ):
            for part in response.iter_bytes():
                body += part
                if time.monotonic() > end or len(body) > LARGEST:
                    raise failures.broken(server, "its list of models does not end")
            if response.status_code != 200:
                raise failures.refused(server, response.status_code, dict(response.headers), bytes(body), key)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise failures.unreachable(server, error, key, CONNECT) from None  # the cause's request has the key
    found = listing(hidden_in(_decoded(bytes(body)), key) if key else _decoded(bytes(body)))
    if found is None:
        raise failures.broken(server, "does not list models as the API has it", "its url often ends with /v1")
    return found


def _decoded(body: bytes) -> object:
    import msgspec

    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
